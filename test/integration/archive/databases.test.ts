import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { restoreSnapshot } from '../../../src/index.js';
import {
  checkpoint,
  readManifest,
  stateOf,
  storeFolder,
  withStore,
} from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  type TestRole,
  withDatabase,
} from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';

const { server } = await findDumpableServer();
const unique = randomBytes(4).toString('hex');
const store = storeFolder();

/** Restores into a new database and gives its URL; drops it when `work` is done. */
async function restoringTo(url: string, reference: string, work: (url: string) => Promise<void>) {
  const to = `to_${randomBytes(5).toString('hex')}`;
  await withStore(url, store, (target) => restoreSnapshot(target, { reference, to }));
  try {
    await work(withDatabase(url, to));
  } finally {
    await run(server.adminUrl, `DROP DATABASE "${to}"`);
  }
}

describe('a checkpoint of', () => {
  const made: string[] = [];
  afterAll(async () => {
    for (const name of made) await run(server.adminUrl, `DROP DATABASE "${name}"`);
  });

  async function create(name: string, options: string): Promise<string> {
    const database = `${name}_${unique}`;
    await run(server.adminUrl, `CREATE DATABASE "${database}" TEMPLATE template0 ${options}`);
    made.push(database);
    return withDatabase(server.adminUrl, database);
  }

  it('an empty database is proven', async () => {
    const url = await create('empty', '');
    const { rows, tables } = await checkpoint(url, store, { tag: 'empty' });
    expect({ rows, tables }).toEqual({ rows: 0, tables: 0 });
    await restoringTo(url, 'empty', async (restored) => {
      expect(await stateOf(restored)).toEqual(await stateOf(url));
    });
  });

  const localeOf = `SELECT pg_encoding_to_char(encoding) AS encoding, datcollate, datctype, datlocprovider, daticulocale
                      FROM pg_database WHERE datname = current_database()`;
  it.each([
    {
      what: 'SQL_ASCII with bytes of no encoding',
      options: `ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'`,
      sql: `CREATE TABLE t (a text); INSERT INTO t VALUES (E'\\xff\\xfe'), ('plain')`,
      probe: `SELECT encode(a::bytea, 'hex') AS a FROM t WHERE a <> 'plain'`,
      expected: [{ a: 'fffe' }],
    },
    {
      what: 'LATIN1',
      options: `ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`,
      sql: `CREATE TABLE "é" (a text); INSERT INTO "é" VALUES ('ü')`,
      probe: `SELECT encode(convert_to(a, 'LATIN1'), 'hex') AS a FROM "é"`,
      expected: [{ a: 'fc' }],
    },
    {
      what: 'a libc collation that the drill server does not sort by',
      options: `LC_COLLATE 'C.utf8' LC_CTYPE 'C'`,
      sql: `CREATE TABLE t (a text PRIMARY KEY); INSERT INTO t VALUES ('é'), ('z'), ('A')`,
      probe: `SELECT string_agg(a, '' ORDER BY a) AS a FROM t`,
      expected: [{ a: 'Azé' }],
    },
    {
      what: 'ICU as the provider',
      options: `LOCALE_PROVIDER icu ICU_LOCALE 'de-u-kn' ENCODING 'UTF8'`,
      sql: `CREATE TABLE t (a text UNIQUE); INSERT INTO t VALUES ('b10'), ('b9'), ('ä'), ('B')`,
      probe: `SELECT string_agg(a, ' ' ORDER BY a) AS a FROM t`,
      expected: [{ a: 'ä B b9 b10' }],
    },
  ])('$what is proven and restored as such', async ({ what, options, sql, probe, expected }) => {
    const tag = `locale-${made.length}`;
    const url = await create(tag, options);
    await run(url, sql);
    expect(await rowsOf(url, probe), what).toEqual(expected);
    await checkpoint(url, store, { tag, drill: 'deep' });
    await restoringTo(url, tag, async (restored) => {
      expect(await rowsOf(restored, probe)).toEqual(expected);
      expect(await rowsOf(restored, localeOf)).toEqual(await rowsOf(url, localeOf));
      expect(await stateOf(restored)).toEqual(await stateOf(url));
    });
  });

  it.each([
    { where: 'public', schema: 'public' },
    { where: 'a schema of its own', schema: 'my "ext"' },
  ])('older versions of extensions in $where brings exactly these back', async ({ schema }) => {
    const tag = `old-${made.length}`;
    const url = await create(tag, '');
    const name = `"${schema.replaceAll('"', '""')}"`;
    await run(
      url,
      `CREATE SCHEMA IF NOT EXISTS ${name}; COMMENT ON SCHEMA ${name} IS 'for extensions';
       CREATE EXTENSION hstore SCHEMA ${name} VERSION '1.4'; CREATE EXTENSION pg_trgm SCHEMA ${name} VERSION '1.3';
       CREATE TABLE ${name}.t (h ${name}.hstore); INSERT INTO ${name}.t VALUES ('a=>1')`,
    );
    await checkpoint(url, store, { tag });
    await restoringTo(url, tag, async (restored) => {
      const versions = `SELECT extname, extversion FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1`;
      expect(await rowsOf(restored, versions)).toEqual([
        { extname: 'hstore', extversion: '1.4' },
        { extname: 'pg_trgm', extversion: '1.3' },
      ]);
      expect(await stateOf(restored)).toEqual(await stateOf(url));
    });
  });

  it('5,000 tables is proven', { timeout: 240_000 }, async () => {
    const url = await create('many', '');
    for (let batch = 0; batch < 10; batch += 1) {
      await run(
        url,
        `DO $$ BEGIN FOR n IN ${batch * 500 + 1}..${batch * 500 + 500} LOOP
           EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY); INSERT INTO t%s VALUES (%s)', n, n, n);
         END LOOP; END $$`,
      );
    }
    const { rows, tables } = await checkpoint(url, store, { tag: 'many' });
    expect({ rows, tables }).toEqual({ rows: 5000, tables: 5000 });
  });
});

describe('what lies outside of a database', () => {
  let database: TestDatabase;
  let owner: TestRole;
  let reader: TestRole;
  beforeAll(async () => {
    owner = await createTestRole(server);
    reader = await createTestRole(server);
    database = await createTestDatabase(server, {
      owner: owner.name,
      sql: 'CREATE TABLE t (a int)',
    });
    const name = `"${database.name}"`;
    await run(
      server.adminUrl,
      `ALTER DATABASE ${name} SET work_mem = '5MB'; ALTER DATABASE ${name} SET search_path = 'a b', "$user";
       ALTER ROLE ${reader.name} IN DATABASE ${name} SET statement_timeout = '7s';
       REVOKE CONNECT, TEMPORARY ON DATABASE ${name} FROM PUBLIC; GRANT CONNECT ON DATABASE ${name} TO ${reader.name} WITH GRANT OPTION;
       ALTER DATABASE ${name} CONNECTION LIMIT 17; COMMENT ON DATABASE ${name} IS 'ours'`,
    );
  });
  afterAll(async () => {
    await database.drop();
    await owner.drop();
    await reader.drop();
  });

  const outside = `
    SELECT pg_get_userbyid(datdba) AS owner, datacl::text AS grants, datconnlimit,
           shobj_description(d.oid, 'pg_database') AS comment,
           (SELECT json_agg(json_build_array(setrole::regrole::text, setconfig) ORDER BY setrole)
              FROM pg_db_role_setting WHERE setdatabase = d.oid) AS settings
      FROM pg_database d WHERE datname = current_database()`;

  it('comes back: owner, grants, ALTER DATABASE SET, limit, comment', async () => {
    await checkpoint(database.url, store, { tag: 'outside' });
    const before = await rowsOf(database.url, outside);
    expect(before[0].grants).toContain('c*');
    await restoringTo(database.url, 'outside', async (restored) => {
      expect(await rowsOf(restored, outside)).toEqual(before);
    });
    // In place, where somebody has changed all of it since.
    const name = `"${database.name}"`;
    await run(
      server.adminUrl,
      `ALTER DATABASE ${name} RESET ALL; ALTER ROLE ${reader.name} IN DATABASE ${name} RESET ALL;
       REVOKE ALL ON DATABASE ${name} FROM ${reader.name}; ALTER DATABASE ${name} OWNER TO ${reader.name};
       COMMENT ON DATABASE ${name} IS NULL`,
    );
    await withStore(database.url, store, (target) =>
      restoreSnapshot(target, { reference: 'outside' }),
    );
    expect(await rowsOf(database.url, outside)).toEqual(before);
  });

  it('is in the manifest by name, and no password is', async () => {
    const manifest = await readManifest(store, 'outside');
    expect(manifest.requires.roles.map(({ name }) => name)).toEqual(
      expect.arrayContaining([owner.name, reader.name]),
    );
    expect(JSON.stringify(manifest)).not.toContain(owner.password);
    expect(JSON.stringify(manifest)).not.toContain(server.password);
  });
});
