import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createShadow } from '../../../src/features/shadow/create.js';
import type { CreateShadowOptions } from '../../../src/features/shadow/create-options.js';
import { readLedger } from '../../../src/index.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  testServers,
  withDatabase,
  withSession,
} from '../../support/servers.js';
import { recordOf, tracesOf } from '../../support/shadow-facts.js';
import { createShop, failure, itemsOf, rowsOf, run, withTarget } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const sql = (text: string) => ({ stdin: text });
const addNote = `ALTER TABLE items ADD COLUMN note text`;

describe.each(testServers())('making a shadow on $name', (server) => {
  let shop: TestDatabase;
  beforeEach(async () => {
    shop = await createShop(server);
  });
  afterEach(() => shop.drop());

  const create = (options: CreateShadowOptions, url = shop.url) =>
    withTarget(url, (target) => createShadow(target, options));
  const shadowUrl = () => withDatabase(shop.url, `${shop.name}_shadow`);
  const traces = () => tracesOf(server, shop);

  it('gives a database beside the target with the migration in it, and leaves the target as it is', async () => {
    const made = await create({ inputs: sql(`${addNote}; UPDATE items SET note = upper(name)`) });
    expect(made).toMatchObject({
      ...{ ok: true, database: `${shop.name}_shadow`, method: 'clone', replication: 'logical' },
      tables: [{ table: 'public.items', rows: 3, transformed: true }],
    });
    expect(made.url).toContain(`/${shop.name}_shadow`);
    expect(made.url).not.toContain(server.password);
    const notes = await rowsOf(shadowUrl(), 'SELECT note FROM items ORDER BY id');
    expect(notes.map(({ note }) => note)).toEqual(['ROPE', 'HARNESS', 'BELAY DEVICE']);
    const columns = await rowsOf(shop.url, 'SELECT * FROM items');
    expect(Object.keys(columns[0])).toEqual(['id', 'name']);
    const record = await recordOf(server, `${shop.name}_shadow`);
    const slot = `belay_shadow_${record.id}`;
    expect(await traces()).toEqual([
      `database ${shop.name}_shadow`,
      `slot ${slot}`,
      `publication ${slot}`,
    ]);
    // The target's publication is no part of the shadow, which takes the target's place later.
    expect(await rowsOf(shadowUrl(), 'SELECT FROM pg_publication')).toHaveLength(0);
  });

  it('records where each table and column has gone, and what was done to rows', async () => {
    await run(
      shop.url,
      `CREATE TABLE plain (id int PRIMARY KEY, a int, b text, c numeric);
       INSERT INTO plain SELECT i, i, 'b' || i, i FROM generate_series(1, 10) i;
       CREATE TABLE gone (x int); CREATE TABLE remade (x int PRIMARY KEY, y text);
       INSERT INTO remade VALUES (1, 'one'); CREATE TABLE emptied (x int); INSERT INTO emptied VALUES (1), (2);
       CREATE TABLE wider (id int PRIMARY KEY, v varchar(9)); INSERT INTO wider VALUES (1, 'a'), (2, NULL);
       CREATE TABLE other_units (id int PRIMARY KEY, v int); INSERT INTO other_units VALUES (1, 1)`,
    );
    const made = await create({
      inputs: sql(`
        ALTER TABLE plain RENAME TO "Plain 2"; ALTER TABLE "Plain 2" RENAME a TO "A"; ALTER TABLE "Plain 2" DROP b;
        ALTER TABLE "Plain 2" ADD d int DEFAULT 5, ADD e text; UPDATE "Plain 2" SET e = 'x' WHERE id < 4;
        DELETE FROM "Plain 2" WHERE id > 8; INSERT INTO "Plain 2" (id) VALUES (100);
        DROP TABLE gone; TRUNCATE emptied;
        CREATE TABLE other (x int PRIMARY KEY, y text); INSERT INTO other SELECT * FROM remade;
        DROP TABLE remade; ALTER TABLE other RENAME TO remade; ALTER TABLE wider ALTER id TYPE bigint, ALTER v TYPE text;
        ALTER TABLE other_units ALTER v TYPE bigint USING v * 100`),
    });
    const record = await recordOf(server, made.database);
    const table = (name: string) => record.tables.find((one) => one.name === name);
    expect(table('public.plain')).toMatchObject({
      key: [1],
      columns: [
        { number: 1, name: 'id', shadowNumber: 1 },
        { number: 2, name: 'a', shadowNumber: 2 },
        { number: 3, name: 'b', shadowNumber: null },
        { number: 4, name: 'c', shadowNumber: 4 },
      ],
      transformed: { inserted: 1, updated: 3, deleted: 2, retyped: [], filled: ['e'] },
    });
    expect(table('public.gone')).toMatchObject({ shadowOid: null, transformed: null });
    expect(table('public.emptied')?.transformed).toMatchObject({ inserted: 0, deleted: 2 });
    expect(table('public.items')?.transformed).toBeNull();
    // Rows that come later are converted alike, unless the migration has said how.
    expect(table('public.wider')?.transformed).toBeNull();
    expect(table('public.other_units')?.transformed).toMatchObject({ retyped: ['v'] });
    const [{ oid }] = await rowsOf(shadowUrl(), `SELECT 'remade'::regclass::oid::int AS oid`);
    expect(table('public.remade')).toMatchObject({
      ...{ shadowOid: oid, transformed: null },
      columns: [{ shadowNumber: 1 }, { shadowNumber: 2 }],
    });
    expect(made.notes.join('\n')).toMatch(/public\.remade was dropped and made anew/);
    const rows = Object.fromEntries(made.tables.map((one) => [one.table, one.rows]));
    expect(rows).toMatchObject({ 'public.Plain 2': 9, 'public.emptied': 0, 'public.remade': 1 });
  });

  it('a failing migration leaves nothing behind', async () => {
    const folder = makeTempFolder({ 'up.sql': `${addNote};\nSELECT 1 / 0;\n` });
    const error = await failure(
      withTarget(shop.url, (target) =>
        createShadow({ ...target, cwd: folder }, { inputs: ['up.sql'] }),
      ),
      'MIGRATION_FAILED',
    );
    expect(error.message).toMatch(/up\.sql, line 2: .*division by zero/);
    expect(await traces()).toEqual([]);
  });

  it('an abort in the middle leaves nothing behind', async () => {
    const controller = new AbortController();
    const error = await failure(
      create({
        ...{ inputs: sql('SELECT pg_sleep(60)'), signal: controller.signal },
        reporter: (event) => {
          if (event.type === 'step' && event.name === 'migrate') {
            setTimeout(() => controller.abort('SIGINT'), 100);
          }
        },
      }),
      'INTERRUPTED',
    );
    expect(error.exitCode).toBe(130);
    expect(await traces()).toEqual([]);
  });

  it('a second one is refused, and so is a name that somebody else has', async () => {
    await create({ inputs: sql(addNote) });
    const again = await failure(create({ inputs: sql(addNote) }), 'SHADOW_EXISTS');
    expect(again.hint).toContain('belay shadow abort');
    const inside = await failure(create({ inputs: sql(addNote) }, shadowUrl()), 'SHADOW_EXISTS');
    expect(inside.message).toContain('is itself the shadow');
    const other = await createShop(server);
    try {
      const taken = `${other.name}_shadow`;
      await run(server.adminUrl, `CREATE DATABASE "${taken}" TEMPLATE template0`);
      const error = await failure(create({ inputs: sql(addNote) }, other.url), 'SHADOW_EXISTS');
      expect(error.message).toContain("no shadow of Belay's");
      await run(server.adminUrl, `DROP DATABASE "${taken}"`);
    } finally {
      await other.drop();
    }
  });

  it('a role that may not create databases is told so before anything is done', async () => {
    const role = await createTestRole(server);
    await run(server.adminUrl, `ALTER DATABASE "${shop.name}" OWNER TO ${role.name}`);
    const error = await failure(
      create({ inputs: sql(addNote) }, role.urlFor(shop.url)),
      'PERMISSION_DENIED',
    );
    expect(error.hint).toContain('CREATEDB');
    expect(await traces()).toEqual([]);
    await run(server.adminUrl, `ALTER DATABASE "${shop.name}" OWNER TO postgres`);
    await role.drop();
  });

  it('a role without REPLICATION gets a shadow that is scanned, and the reason', async () => {
    const role = await createTestRole(server, 'CREATEDB');
    await run(server.adminUrl, `ALTER DATABASE "${shop.name}" OWNER TO ${role.name}`);
    await run(
      shop.url,
      `ALTER TABLE items OWNER TO ${role.name}; ALTER VIEW short_items OWNER TO ${role.name};
       GRANT ALL ON SCHEMA public TO ${role.name}`,
    );
    const url = role.urlFor(shop.url);
    await failure(
      create({ inputs: sql(addNote), replication: 'logical' }, url),
      'PERMISSION_DENIED',
    );
    const made = await create({ inputs: sql(addNote) }, url);
    expect(made).toMatchObject({ replication: 'scan' });
    expect(made.whyScan).toContain('REPLICATION');
    await shop.drop();
    await role.drop();
  });

  it('a transaction that does not end makes it copy table by table, or is refused where a clone was asked for', async () => {
    await withSession(shop.url, async (busy) => {
      await busy.query('BEGIN; SELECT count(*) FROM items');
      const order = { inputs: sql(addNote), sessionsWaitMs: 100, replication: 'scan' as const };
      await failure(create({ ...order, method: 'clone' }), 'SESSIONS_IN_THE_WAY');
      expect(await traces()).toEqual([]);
      const made = await create(order);
      expect(made.method).toBe('copy');
      expect(made.notes.join()).toContain('clone was not possible');
      await busy.query('COMMIT');
    });
    expect(await itemsOf(shadowUrl())).toEqual(['rope', 'harness', 'belay device']);
  });

  it('runs a command that finds the shadow where it would find the target', async () => {
    const script = `
      import pg from ${JSON.stringify(import.meta.resolve('pg'))};
      const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
      await client.connect();
      await client.query(process.argv[2]);
      await client.end();`;
    const cwd = makeTempFolder({ 'migrate.mjs': script });
    const order = (statement: string) => ({
      command: [process.execPath, 'migrate.mjs', statement] as [string, ...string[]],
      ...{ cwd, commandStdout: 'stderr' as const },
    });
    const error = await failure(create(order('SELECT broken')), 'MIGRATION_FAILED');
    expect(error.message).toContain('exit code 1');
    expect(await traces()).toEqual([]);
    const made = await create(order(addNote));
    expect(await rowsOf(shadowUrl(), 'SELECT note FROM items')).toHaveLength(3);
    expect((await recordOf(server, made.database)).migration).toMatchObject({ kind: 'command' });
  });

  it('grants and settings go along, and the ledger knows', async () => {
    const store = makeTempFolder();
    await run(
      server.adminUrl,
      `ALTER DATABASE "${shop.name}" SET work_mem = '7MB'; ALTER DATABASE "${shop.name}" CONNECTION LIMIT 17;
       REVOKE CONNECT ON DATABASE "${shop.name}" FROM PUBLIC`,
    );
    await withTarget(
      shop.url,
      async (target) => {
        await createShadow(target, { inputs: sql(addNote) });
        const { entries } = await readLedger(await target.openStore(), {});
        expect(entries.at(-1) ?? entries[0]).toMatchObject({
          ...{ action: 'shadow-create', outcome: 'done', rows: 3 },
          details: { shadow: `${shop.name}_shadow`, migration: 'standard input' },
        });
      },
      { BELAY_STORE: store },
    );
    const facts = await rowsOf(
      server.adminUrl,
      `SELECT datconnlimit, datallowconn, has_database_privilege('pg_monitor', oid, 'CONNECT') AS open
         FROM pg_database WHERE datname = $1`,
      [`${shop.name}_shadow`],
    );
    expect(facts).toEqual([{ datconnlimit: 17, datallowconn: true, open: false }]);
    expect(await rowsOf(shadowUrl(), 'SHOW work_mem')).toEqual([{ work_mem: '7MB' }]);
  });
});

describe.each(testServers())('names on $name', (server) => {
  it('a database of the longest name with everything odd in it has a shadow of its own', async () => {
    const exactName = `-o "dd; \n${'ß'.repeat(20)}${Date.now() % 1e7}`.padEnd(40, 'x').slice(0, 40);
    const database = await createTestDatabase(server, {
      exactName,
      sql: `CREATE TABLE "a ""b"".c" ("x;y" int PRIMARY KEY); INSERT INTO "a ""b"".c" VALUES (1)`,
    });
    try {
      for (const method of ['clone', 'copy'] as const) {
        const made = await withTarget(database.url, (target) =>
          createShadow(target, {
            ...{ method, inputs: sql(`ALTER TABLE "a ""b"".c" ADD z int`) },
          }),
        );
        expect(Buffer.byteLength(made.database)).toBeLessThanOrEqual(63);
        const url = withDatabase(server.adminUrl, made.database);
        expect(await rowsOf(url, `SELECT * FROM "a ""b"".c"`)).toEqual([{ 'x;y': 1, z: null }]);
        await run(server.adminUrl, `DROP DATABASE ${pg.escapeIdentifier(made.database)}`);
      }
    } finally {
      await database.drop();
    }
  });
});
