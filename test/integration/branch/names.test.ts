import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BranchScene, createBranchScene, sceneOf } from '../../support/branch-scene.js';
import {
  createTestDatabase,
  createTestRole,
  startThrowawayServer,
  testServers,
} from '../../support/servers.js';
import { addItem, itemsOf, run, shopSql } from '../../support/targets.js';

const asAtFirst = ['rope', 'harness', 'belay device'];

describe.each(testServers())('names and bad input of branches on $name', (server) => {
  let shop: BranchScene;
  beforeEach(async () => {
    shop = await createBranchScene(server);
  });
  afterEach(() => shop.drop());

  it('that differ in case, accents, slashes or composition are branches of their own', async () => {
    await shop.done(['snapshot', 'v1']);
    const names = [
      ...['Invoices', 'invoices', 'feature/invoices', 'é', 'e\u0301', `it's "x"=1; DROP`],
      'x'.repeat(200),
    ];
    for (const name of names) {
      const made = await shop.done(['branch', 'create', name, '--from', 'v1']);
      await addItem(made.url, `of ${names.indexOf(name)}`);
    }
    for (const name of names) {
      const { url } = await shop.done(['branch', 'url', name]);
      expect(await itemsOf(url)).toEqual([...asAtFirst, `of ${names.indexOf(name)}`]);
    }
    const { branches } = await shop.done(['branch', 'list', '--no-sizes']);
    expect(branches.map(({ name }: { name: string }) => name)).toEqual(names);
    const text = await shop.done(['branch', 'delete', 'Invoices', '--yes']);
    expect(text).toMatchObject({ ok: true, name: 'Invoices' });
    expect((await shop.done(['branch', 'url', 'invoices'])).name).toBe('invoices');
  });

  it.each([
    ['live', 'BAD_NAME'],
    [' live ', 'BAD_NAME'],
    ['', 'BAD_NAME'],
    ['a\nb', 'BAD_NAME'],
    ['x'.repeat(251), 'BAD_NAME'],
  ])('%j is refused before anything is done', async (name, code) => {
    const refused = await shop.refused(['branch', 'create', name]);
    expect(refused).toMatchObject({ exitCode: 2, code });
    expect(await shop.others()).toEqual([]);
  });

  it('a name like an option is none, and behind "--" it is refused', async () => {
    expect((await shop.belay(['branch', 'create', '-x'])).exitCode).toBe(2);
    expect((await shop.refused(['branch', 'create', '--', '--force'])).code).toBe('BAD_NAME');
  });

  it.each(['-1h', 'soon', '1', '1e99d'])('a lifetime of %j is refused', async (ttl) => {
    const { exitCode } = await shop.belay(['branch', 'create', 'x', `--ttl=${ttl}`]);
    const { branches } = await shop.done(['branch', 'list']);
    expect({ exitCode, branches }).toEqual({ exitCode: 2, branches: [] });
  });

  it('a database that has the name already stays what it is', async () => {
    const theirs = await createTestDatabase(server, {
      exactName: `${shop.name}_b`,
      sql: 'CREATE TABLE theirs ()',
    });
    const refused = await shop.refused(['branch', 'create', 'b']);
    expect(refused).toMatchObject({ exitCode: 5, code: 'BRANCH_EXISTS' });
    expect(refused.message).toContain(`"${shop.name}_b"`);
    await run(theirs.url, 'SELECT FROM theirs');
    expect(await shop.others()).toEqual([`${shop.name}_b`]);
    for (const action of [['delete', '--yes'], ['reset'], ['url']]) {
      const [command, ...flags] = action as [string, ...string[]];
      const again = await shop.refused(['branch', command, 'b', ...flags]);
      expect(again.code).toBe('BRANCH_NOT_FOUND');
    }
  });

  it('of a target with quotes, capitals, spaces and 63 bytes', async () => {
    const unique = randomBytes(4).toString('hex');
    const exactName = `We"ird 'Größe' = ${unique} ${'x'.repeat(63)}`.slice(0, 61);
    expect(Buffer.byteLength(exactName)).toBe(63);
    const odd = await createTestDatabase(server, { exactName, sql: shopSql });
    const scene = sceneOf(server, odd);
    try {
      const a = await scene.done(['branch', 'create', 'feature/a']);
      const b = await scene.done(['branch', 'create', 'b', '--from', 'feature/a']);
      await addItem(b.url, 'of b');
      expect(await itemsOf(a.url)).toEqual(asAtFirst);
      await scene.done(['branch', 'reset', 'b']);
      expect(await itemsOf(b.url)).toEqual(asAtFirst);
      for (const name of ['b', 'feature/a']) await scene.done(['branch', 'delete', name, '--yes']);
      expect(await scene.others()).toEqual([]);
      expect(await itemsOf(odd.url)).toEqual(asAtFirst);
    } finally {
      await scene.drop();
    }
  });

  it('a role that may not make databases is told so, and leaves nothing', async () => {
    const role = await createTestRole(server);
    const quoted = pg.escapeIdentifier(shop.name);
    await run(server.adminUrl, `ALTER DATABASE ${quoted} OWNER TO ${role.name}`);
    await run(
      shop.url,
      `ALTER TABLE items OWNER TO ${role.name}; ALTER VIEW short_items OWNER TO ${role.name};
       GRANT CREATE ON SCHEMA public TO ${role.name}`,
    );
    const env = { BELAY_URL: role.urlFor(shop.url) };
    const refused = await shop.refused(['branch', 'create', 'x'], { env });
    expect(refused.code).toBe('PERMISSION_DENIED');
    expect(`${refused.message} ${refused.hint}`).toContain('CREATEDB');
    await run(server.adminUrl, `ALTER ROLE ${role.name} CREATEDB`);
    const made = await shop.done(['branch', 'create', 'x'], { env });
    await run(role.urlFor(made.url), 'CREATE TABLE mine ()');
    await shop.done(['branch', 'reset', 'x'], { env });
    await shop.done(['branch', 'delete', 'x', '--yes'], { env });
    expect(await shop.others()).toEqual([]);
    await shop.drop();
    await role.drop();
  });
});

describe.each(testServers())('a server in trouble: $name', ({ major }) => {
  it('stopped, or with every connection taken: said, and nothing is left', async () => {
    const own = await startThrowawayServer({
      major,
      settings: { max_connections: '7', superuser_reserved_connections: '0', max_wal_senders: '0' },
    });
    const clients: pg.Client[] = [];
    try {
      const shop = await createBranchScene(own);
      // One is left, and it takes two.
      for (let count = 0; count < 6; count += 1) {
        const client = new pg.Client({ connectionString: own.adminUrl });
        client.on('error', () => {});
        await client.connect();
        clients.push(client);
      }
      const full = await shop.refused(['branch', 'create', 'x']);
      expect(full.code).toBe('TOO_MANY_CONNECTIONS');
      for (const client of clients.splice(0)) await client.end();
      expect(await shop.others()).toEqual([]);
      await shop.done(['branch', 'create', 'x']);
      await own.stop();
      for (const args of [['create', 'y'], ['list'], ['reset', 'x'], ['delete', 'x', '--yes']]) {
        const refused = await shop.refused(['branch', ...args]);
        expect(refused).toMatchObject({ exitCode: 6, code: 'SERVER_UNREACHABLE' });
      }
    } finally {
      for (const client of clients) await client.end().catch(() => {});
      await own.remove();
    }
  });
});
