import { randomBytes } from 'node:crypto';
import { chown, mkdtemp, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { restoreSnapshot, switchSnapshot, takeSnapshot, undoRestore } from '../../../src/index.js';
import {
  createTestDatabase,
  type TestDatabase,
  testServers,
  withDatabase,
  withSession,
} from '../../support/servers.js';
import { rowsOf, run, withTarget } from '../../support/targets.js';

const contents = `
  CREATE EXTENSION hstore;
  CREATE SEQUENCE tickets START 100 INCREMENT 5 CYCLE MAXVALUE 200;
  SELECT nextval('tickets'), nextval('tickets');
  CREATE SEQUENCE unused START 7;
  CREATE TABLE items (
    id bigint GENERATED ALWAYS AS IDENTITY (START WITH 1000) PRIMARY KEY,
    name text, upper_name text GENERATED ALWAYS AS (upper(name)) STORED, tags hstore
  );
  INSERT INTO items (name, tags) VALUES ('rope', 'a=>1'), ('größe', NULL);
  CREATE UNLOGGED TABLE cache AS SELECT n FROM generate_series(1, 50) n;
  CREATE TABLE secrets (owner text, secret text);
  INSERT INTO secrets VALUES ('a', '1'), ('b', '2');
  ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON secrets FOR SELECT USING (owner = current_user);
  SELECT lo_from_bytea(4711, '\\x00ff10');
  CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM items;
`;

/** One row with what a user could tell apart. */
const contentsSql = `
  SELECT (SELECT json_agg(items ORDER BY id) FROM items) AS items,
         (SELECT (last_value, is_called)::text FROM tickets) AS tickets,
         (SELECT (last_value, is_called)::text FROM unused) AS unused,
         (SELECT last_value FROM items_id_seq) AS identity, (SELECT sum(n) FROM cache) AS cache,
         (SELECT relpersistence FROM pg_class WHERE relname = 'cache') AS persistence,
         lo_get(4711)::text AS large_object, (SELECT count FROM totals) AS totals,
         (SELECT relrowsecurity FROM pg_class WHERE relname = 'secrets') AS security,
         (SELECT array_agg(policyname::text || qual) FROM pg_policies) AS policies,
         (SELECT array_agg(extname::text || extversion ORDER BY extname) FROM pg_extension) AS extensions,
         (SELECT array_agg(attname || attgenerated::text ORDER BY attnum) FROM pg_attribute
           WHERE attrelid = 'items'::regclass AND attnum > 0) AS columns`;

/** How the database stores and sorts, and where: the columns of pg_database that a copy must share. */
const storageSql = `
  SELECT to_jsonb(d) - '{oid,datname,datfrozenxid,datminmxid,dathasloginevt}'::text[] AS storage
    FROM pg_database d WHERE datname = $1`;

describe.each(testServers())('what lies in a database on $name', (server) => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createTestDatabase(server, { sql: contents });
  });
  afterAll(() => shop.drop());

  it('is the same after a restore, a switch, their undo, and in another database', async () => {
    const read = async (url = shop.url) => (await rowsOf(url, contentsSql))[0];
    const before = await read();
    expect(before).toMatchObject({ cache: '1275', large_object: '\\x00ff10', security: true });
    await withTarget(shop.url, async (target) => {
      await takeSnapshot(target, { tag: 'baseline' });
      await run(
        shop.url,
        `DROP EXTENSION hstore CASCADE; SELECT lo_unlink(4711); TRUNCATE cache; DROP POLICY own ON secrets;
         SELECT nextval('tickets'), nextval('unused')`,
      );
      await restoreSnapshot(target, { reference: 'baseline' });
      expect(await read()).toEqual(before);
      await switchSnapshot(target, { reference: 'baseline', save: 'saved' });
      expect(await read()).toEqual(before);
      await undoRestore(target);
      expect(await read()).toEqual(before);
      const to = `${shop.name}_to`;
      await restoreSnapshot(target, { reference: 'saved', to });
      expect(await read(withDatabase(shop.url, to))).toEqual(before);
      await run(server.adminUrl, `DROP DATABASE "${to}"`);
    });
  });

  /** Snapshot, restore and `--to` of a database made by the given statement must keep how it is stored. */
  async function keepsStorage(options: string, sql = 'CREATE TABLE t (v text)'): Promise<void> {
    const name = `s_${randomBytes(5).toString('hex')}`;
    const to = `${name}_to`;
    const url = withDatabase(server.adminUrl, name);
    const storage = async (database: string) =>
      (await rowsOf(server.adminUrl, storageSql, [database]))[0].storage;
    await run(server.adminUrl, `CREATE DATABASE "${name}" TEMPLATE template0 ${options}`);
    try {
      await run(url, sql);
      const before = await storage(name);
      const values = await rowsOf(url, 'SELECT v FROM t ORDER BY v');
      await withTarget(url, async (target) => {
        await takeSnapshot(target, { tag: 'baseline' });
        await run(url, 'DROP TABLE t');
        await restoreSnapshot(target, { reference: 'baseline' });
        await restoreSnapshot(target, { reference: 'baseline', to });
      });
      expect(await storage(name)).toEqual(before);
      expect(await storage(to)).toEqual(before);
      expect(await rowsOf(url, 'SELECT v FROM t ORDER BY v')).toEqual(values);
    } finally {
      await run(server.adminUrl, `DROP DATABASE IF EXISTS "${to}"`);
      await dropWithClones(name);
    }
  }

  async function dropWithClones(name: string): Promise<void> {
    await withSession(server.adminUrl, async (client) => {
      const { rows } = await client.query(
        'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
        [name],
      );
      for (const { datname } of rows) await client.query(`DROP DATABASE "${datname}" WITH (FORCE)`);
    });
  }

  it('keeps its encoding and locale', async () => {
    await keepsStorage(
      `ENCODING 'LATIN1' LOCALE 'C'`,
      `CREATE TABLE t (v text); INSERT INTO t VALUES ('größe'), ('z'), ('é');
       CREATE TABLE "größe" (a int); COMMENT ON TABLE "größe" IS 'ÄÖÜ'`,
    );
    await keepsStorage(`ENCODING 'SQL_ASCII' LOCALE 'C'`);
  });

  it('keeps an ICU locale', async (context) => {
    const [icu] = await rowsOf(
      server.adminUrl,
      `SELECT 1 FROM pg_collation WHERE collprovider = 'i'`,
    );
    if (!icu) return context.skip(`${server.name} was built without ICU`);
    await keepsStorage(
      `LOCALE_PROVIDER icu ICU_LOCALE 'de-AT' LOCALE 'C' ENCODING 'UTF8'`,
      `CREATE TABLE t (v text); INSERT INTO t VALUES ('ä'), ('b'), ('a'), ('Z')`,
    );
  });

  it('stays in its tablespace', async () => {
    const folder = await mkdtemp(join(dirname(server.dataDir), 'tablespace-'));
    const { uid, gid } = await stat(server.dataDir);
    await chown(folder, uid, gid);
    const name = `space_${randomBytes(4).toString('hex')}`;
    await run(server.adminUrl, `CREATE TABLESPACE ${name} LOCATION '${folder}'`);
    try {
      await keepsStorage(`TABLESPACE ${name}`);
    } finally {
      await run(server.adminUrl, `DROP TABLESPACE ${name}`);
      await rm(folder, { recursive: true });
    }
  });
});
