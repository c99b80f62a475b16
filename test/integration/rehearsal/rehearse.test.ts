import { afterEach, describe, expect, it } from 'vitest';
import { rehearseMigration, takeCheckpoint, takeSnapshot } from '../../../src/index.js';
import { callCli } from '../../support/call-cli.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  testServers,
  withSession,
} from '../../support/servers.js';
import { createShop, failure, itemsOf, rowsOf, run, withTarget } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const deleteOne = { inputs: { stdin: `DELETE FROM items WHERE name = 'rope'` } };

describe.each(testServers())('a rehearsal on $name', (server) => {
  let shop: TestDatabase | undefined;
  afterEach(async () => {
    await shop?.drop();
    shop = undefined;
  });
  const create = async () => {
    shop = await createShop(server);
    return shop;
  };
  const store = () => ({ BELAY_STORE: makeTempFolder() });

  it('is made of a snapshot where one is named, and leaves it as it was', async () => {
    const { url } = await create();
    const env = store();
    await withTarget(
      url,
      async (target) => {
        await takeSnapshot(target, { tag: 'before' });
        await run(url, `DELETE FROM items WHERE name <> 'rope'`);
        const rehearsal = await rehearseMigration(target, { ...deleteOne, from: 'before' });
        expect(rehearsal).toMatchObject({ ok: true, recordsLost: 1 });
        expect(rehearsal.source).toMatchObject({ kind: 'snapshot', tag: 'before' });
        expect(rehearsal.tables[0]).toMatchObject({ rowsBefore: 3, rowsAfter: 2 });
        // It is closed again: a snapshot that somebody can write to is none.
        const [clone] = await rowsOf(
          server.adminUrl,
          `SELECT datallowconn FROM pg_database WHERE datname LIKE $1`,
          [`${target.database}\\_belay\\_%`],
        );
        expect(clone).toEqual({ datallowconn: false });
      },
      env,
    );
    expect(await itemsOf(url)).toEqual(['rope']);
  });

  it('says what stands in the way where nothing can be copied', async () => {
    const role = await createTestRole(server);
    const owned = await createTestDatabase(server, { name: 'shop', owner: role.name });
    try {
      const attempt = withTarget(
        role.urlFor(owned.url),
        (target) => rehearseMigration(target, { inputs: { stdin: 'SELECT 1' } }),
        store(),
      );
      const error = await failure(attempt, 'REHEARSAL_IMPOSSIBLE');
      expect(error.message).toContain('may not create databases');
      expect(error.message).toContain('no checkpoint is proven');
    } finally {
      await owned.drop();
      await role.drop();
    }
  });

  it('disturbs nobody where that is asked for: a database in use is not cloned', async () => {
    const { url } = await create();
    const env = store();
    await withSession(url, async (client) => {
      await client.query('SELECT 1');
      const attempt = withTarget(
        url,
        (target) => rehearseMigration(target, { ...deleteOne, sessions: 'fail' }),
        env,
      );
      expect((await failure(attempt, 'REHEARSAL_IMPOSSIBLE')).message).toContain('1 session');
      // It has not been ended.
      await client.query('SELECT 1');
    });
  });

  it('falls back to the newest checkpoint, restored and proven again', async ({ skip }) => {
    skip(server.major !== 15, 'there is a pg_dump of PostgreSQL 15 alone');
    const { url } = await create();
    const env = store();
    await withTarget(
      url,
      async (target) => {
        await takeCheckpoint(target, { tag: 'nightly' });
        await withSession(url, async (client) => {
          await client.query('SELECT 1');
          const order = { ...deleteOne, sessions: 'fail' as const };
          const rehearsal = await rehearseMigration(target, order);
          expect(rehearsal).toMatchObject({ ok: true, recordsLost: 1, walShared: false });
          expect(rehearsal.source).toMatchObject({ kind: 'checkpoint', tag: 'nightly' });
          expect(rehearsal.source.why).toContain('session');
        });
      },
      env,
    );
  });

  it('measures a command that drops its database and makes it anew', async () => {
    const { url } = await create();
    const program = `
      const { default: pg } = await import(${JSON.stringify(import.meta.resolve('pg'))});
      const url = new URL(process.env.DATABASE_URL);
      const name = url.pathname.slice(1);
      url.pathname = '/postgres';
      const admin = new pg.Client({ connectionString: url.href });
      await admin.connect();
      await admin.query('DROP DATABASE ' + name);
      await admin.query('CREATE DATABASE ' + name + ' TEMPLATE template0');
      await admin.end();
      const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
      await client.connect();
      await client.query("CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (2, 'harness')");
      await client.end();`;
    const rehearsal = await withTarget(
      url,
      (target) =>
        rehearseMigration(target, {
          command: [process.execPath, '--input-type=module', '-e', program],
        }),
      store(),
    );
    expect(rehearsal).toMatchObject({ ok: true, recordsLost: 2, untouched: { status: 'proven' } });
    expect(rehearsal.tables[0]).toMatchObject({ table: 'public.items', change: 'remade' });
    const left = await rowsOf(
      server.adminUrl,
      `SELECT 1 FROM pg_database d WHERE datname ~ '^belay_rehearsal_'
          AND NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory')`,
    );
    expect(left).toEqual([]);
  });

  it('is as the config says, and JSON has all of it', async () => {
    const { url } = await create();
    const env = { ...store(), DATABASE_URL: url };
    const config = JSON.stringify({ rehearsal: { maxRecordsLost: 0 } });
    const files = { 'belay.config.json': config, 'up.sql': `DELETE FROM items WHERE id = 1` };
    const cwd = makeTempFolder(files);
    const refused = await callCli(['rehearse', '--json', 'up.sql'], { env, cwd });
    expect(refused, refused.stderr).toMatchObject({ exitCode: 3 });
    expect(refused.json).toMatchObject({
      ...{ ok: false, exitCode: 0, recordsLost: 1, file: 'up.sql', command: null },
      exceeded: [{ threshold: 'maxRecordsLost', limit: 0, actual: 1 }],
      tables: [{ table: 'public.items', rowsBefore: 3, rowsAfter: 2, rowsDeleted: 1 }],
      untouched: { status: 'proven' },
    });
    const allowed = ['rehearse', 'up.sql', '--max-records-lost', '1'];
    const told = await callCli(allowed, { env, cwd });
    expect(told, told.stderr).toMatchObject({ exitCode: 0 });
    expect(told.stdout).toContain('1 record lost');
    const both = await callCli(['rehearse', 'a.sql', '--', 'true'], { env });
    expect(both).toMatchObject({ exitCode: 2 });
    expect(both.stderr).toContain('either files or a command');
    const neither = await callCli(['rehearse', '--format', 'markdown', '--json'], { env });
    expect(neither.exitCode).toBe(2);
  });
});
