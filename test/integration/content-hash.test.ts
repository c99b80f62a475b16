import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readContentHashes } from '../../src/postgres/content-hash.js';
import { freezeDatabase } from '../../src/postgres/frozen-database.js';
import { libpqEnvironment } from '../../src/postgres/libpq-environment.js';
import type { Session } from '../../src/postgres/session.js';
import { resolveConnection } from '../../src/postgres/settings.js';
import { streamProgram } from '../../src/process/stream-program.js';
import { type DumpableServer, findDumpableServer } from '../support/dump-tools.js';
import { openSession } from '../support/open-session.js';
import { createTestDatabase, type TestDatabase } from '../support/servers.js';
import { failure, run } from '../support/targets.js';

/** Every kind of column and table that may print differently in another database. */
const richSql = `
  CREATE TYPE mood AS ENUM ('sad', 'ok');
  CREATE TYPE point3 AS (x float8, y float8, label text);
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE TABLE kinds (
    id int PRIMARY KEY, f4 real, f8 double precision, n numeric, m money, j json, jb jsonb, x xml,
    b bytea, t timestamptz, i interval, a text[][], c point3, e mood, d positive, r int4range,
    v tsvector, u uuid, l pg_lsn, g regclass, p point, cash money[], bits bit varying, ip inet);
  INSERT INTO kinds VALUES
    (1, 0.1, 0.1::float8 + 0.2, 1.10, 12.34, '{"b": 1, "a": 1,  "a": 2}', '{"b": 1}', '<a> </a>',
     '\\x00ff', '2026-03-29 02:30+02', '1 mon -1 day 00:00:01.5', '{{a,NULL},{"",b}}', (1e-300, 'NaN', 'it''s'),
     'ok', 7, '[1,5)', 'a:1 b:2', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '16/B374D848', 'kinds', '(1,2)',
     '{1.00,2.00}', B'101', '10.0.0.0/8'),
    (2, 'NaN', '-Infinity', 'NaN', NULL, 'null', 'null', NULL, '', 'infinity', NULL, '{}', NULL, NULL, NULL,
     'empty', '', NULL, NULL, NULL, NULL, NULL, '', '::1');
  CREATE TABLE twins (a text, b text);
  INSERT INTO twins VALUES ('x', 'y'), ('x', 'y'), (NULL, ''), ('', NULL);
  CREATE TABLE no_columns ();
  INSERT INTO no_columns DEFAULT VALUES; INSERT INTO no_columns DEFAULT VALUES;
  CREATE TABLE empty (a int);
  CREATE TABLE computed (a int, double int GENERATED ALWAYS AS (a * 2) STORED, id int GENERATED ALWAYS AS IDENTITY);
  INSERT INTO computed (a) VALUES (1), (2);
  CREATE TABLE parted (a int, b text) PARTITION BY LIST (a);
  CREATE TABLE part_one (b text, a int);
  ALTER TABLE parted ATTACH PARTITION part_one FOR VALUES IN (1);
  CREATE TABLE parent (a int, b int);
  CREATE TABLE child (extra int, b int, a int);
  ALTER TABLE child INHERIT parent;
  INSERT INTO parted VALUES (1, 'one'); INSERT INTO parent VALUES (1, 2); INSERT INTO child VALUES (9, 8, 7);
  CREATE TABLE changed (a int, gone text, b int);
  INSERT INTO changed VALUES (1, 'x', 2); ALTER TABLE changed DROP gone; ALTER TABLE changed ADD c text DEFAULT 'new';
  UPDATE changed SET b = 3;
  CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TABLE "Odd ""name"".x" ("a b" text COLLATE loose, "select" int);
  INSERT INTO "Odd ""name"".x" VALUES ('Wide', 1), ('wide', 2);
  CREATE TABLE wide AS SELECT 1 AS id, repeat('long"\\', 300000) AS body;
  CREATE MATERIALIZED VIEW stale AS SELECT count(*) FROM twins;
  SELECT lo_from_bytea(0, 'small'), lo_from_bytea(0, convert_to(repeat('large ', 500000), 'UTF8'));
  SELECT lo_put(lo_create(0), 3000000, 'after a hole');
  INSERT INTO twins VALUES ('later', 'than the view');
`;

async function hashesOf(url: string): Promise<Record<string, string>> {
  const session = await openSession(url);
  try {
    return await readContentHashes(async () => session);
  } finally {
    await session.close();
  }
}

async function dumpAndRestore({ tools }: DumpableServer, from: TestDatabase, to: TestDatabase) {
  const { pgDump, pgRestore } = tools;
  const env = async (url: string) =>
    libpqEnvironment(await resolveConnection({ url, env: {} }), { applicationName: 'belay-test' });
  const dump = streamProgram(pgDump.path, ['-Fc', '-Z1', '--no-password'], {
    env: await env(from.url),
  });
  const restore = streamProgram(
    pgRestore.path,
    ['--dbname=', '--no-password', '--exit-on-error', '--single-transaction'],
    { env: await env(to.url), stdin: 'pipe', stdout: 'collect' },
  );
  await pipeline(dump.stdout, restore.stdin ?? process.stdout);
  const { failure: why } = await restore.ended;
  if (why) throw why;
}

describe('the hash over the content of tables', () => {
  let dumpable: DumpableServer;
  let source: TestDatabase;
  let session: Session;
  beforeAll(async () => {
    dumpable = await findDumpableServer();
    source = await createTestDatabase(dumpable.server, { sql: richSql });
    session = await openSession(source.url);
  });
  afterAll(async () => {
    await session.close();
    await source.drop();
  });

  it('is the same after pg_dump and pg_restore, for every kind of table and column', async () => {
    const before = await hashesOf(source.url);
    expect(Object.keys(before)).toEqual([
      'large objects',
      'public."Odd ""name"".x"',
      ...'changed,child,computed,empty,kinds,no_columns,parent,part_one,twins,wide'
        .split(',')
        .map((name) => `public.${name}`),
    ]);
    const copy = await createTestDatabase(dumpable.server);
    try {
      await dumpAndRestore(dumpable, source, copy);
      expect(await hashesOf(copy.url)).toEqual(before);
    } finally {
      await copy.drop();
    }
  });

  it('does not depend on settings of role and database', async () => {
    const before = await hashesOf(source.url);
    await run(
      source.url,
      `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET extra_float_digits = -3', current_database());
         EXECUTE format('ALTER DATABASE %I SET datestyle = ''German''', current_database());
         EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Tokyo''', current_database());
         EXECUTE format('ALTER DATABASE %I SET bytea_output = ''escape''', current_database());
         EXECUTE format('ALTER DATABASE %I SET search_path = ''public''', current_database());
         EXECUTE format('ALTER DATABASE %I SET intervalstyle = ''iso_8601''', current_database()); END $$`,
    );
    expect(await hashesOf(source.url)).toEqual(before);
  });

  it('does not depend on where the rows are', async () => {
    const before = await hashesOf(source.url);
    await run(source.url, 'UPDATE twins SET a = a WHERE b IS NOT NULL');
    await run(source.url, 'VACUUM FULL twins');
    expect(await hashesOf(source.url)).toEqual(before);
  });

  it.each([
    ['one value', 'public.twins', `UPDATE twins SET b = 'z' WHERE a = 'later'`],
    ['NULL for an empty text', 'public.twins', `UPDATE twins SET a = NULL WHERE a = ''`],
    ['values that change places', 'public.twins', 'UPDATE twins SET a = b, b = a'],
    ['two equal rows that change alike', 'public.twins', `UPDATE twins SET a = 'w' WHERE a = 'x'`],
    ['a row of an inheriting table', 'public.child', 'UPDATE child SET b = 0'],
    ['two equal rows less', 'public.twins', `DELETE FROM twins WHERE a = 'x'`],
    ['the last digit of a float', 'public.kinds', 'UPDATE kinds SET f8 = 0.3::float8 WHERE id = 1'],
    [
      'a space in json',
      'public.kinds',
      `UPDATE kinds SET j = '{"b": 1, "a": 1, "a": 2}' WHERE id = 1`,
    ],
    [
      'the bounds of an array',
      'public.kinds',
      `UPDATE kinds SET a = '[2:3][1:2]={{a,NULL},{"",b}}' WHERE id = 1`,
    ],
    ['a row without columns', 'public.no_columns', 'INSERT INTO no_columns DEFAULT VALUES'],
    [
      'a case where case does not count',
      'public."Odd ""name"".x"',
      `UPDATE "Odd ""name"".x" SET "a b" = 'wide'`,
    ],
    ['a byte at the end of a large text', 'public.wide', `UPDATE wide SET body = body || '.'`],
    [
      'a byte deep in a large object',
      'large objects',
      `SELECT lo_put(max(oid), 2999999, 'x') FROM pg_largeobject_metadata WHERE length(lo_get(oid)) > 2999999`,
    ],
    [
      'the number of a large object',
      'large objects',
      `SELECT lo_from_bytea(0, lo_get(oid)), lo_unlink(oid) FROM pg_largeobject_metadata WHERE length(lo_get(oid)) = 5`,
    ],
  ])('sees %s, in that table only', async (_what, table, sql) => {
    await session.execute('BEGIN', 'beginning');
    try {
      const before = await readContentHashes(async () => session);
      await session.execute(`SET LOCAL search_path = public, pg_catalog; ${sql}`, 'changing');
      await session.execute('SET LOCAL search_path = pg_catalog', 'changing');
      const after = await readContentHashes(async () => session);
      expect(Object.keys(after)).toEqual(Object.keys(before));
      const differing = Object.keys(before).filter((name) => before[name] !== after[name]);
      expect(differing).toEqual([table]);
    } finally {
      await session.execute('ROLLBACK', 'ending');
    }
  });

  it('is of the moment that a transaction holds, whatever others do meanwhile', async () => {
    const before = await hashesOf(source.url);
    const frozen = await freezeDatabase(session, { lockTimeoutMs: 5_000 });
    try {
      await run(source.url, `INSERT INTO twins VALUES ('meanwhile', ''); SELECT lo_create(0)`);
      const second = await openSession(source.url);
      const sessions = [session, second];
      const open = async () => sessions.shift() ?? second;
      expect(await readContentHashes(open, { within: frozen.within })).toEqual(before);
      await second.close();
    } finally {
      await session.execute('ROLLBACK', 'ending');
    }
    expect(await hashesOf(source.url)).not.toEqual(before);
  });

  it('stops soon when nobody wants it any more', async () => {
    await run(
      source.url,
      "CREATE UNLOGGED TABLE slow AS SELECT n, repeat('x', 1000) AS body FROM generate_series(1, 300000) n",
    );
    const sessions: Session[] = [];
    const open = async () => {
      const opened = await openSession(source.url);
      sessions.push(opened);
      return opened;
    };
    const abort = new AbortController();
    const reason = new Error('not wanted');
    setTimeout(() => abort.abort(reason), 150);
    const startedAt = performance.now();
    await expect(readContentHashes(open, { signal: abort.signal })).rejects.toBe(reason);
    const stoppedAfterMs = performance.now() - startedAt;
    for (const opened of sessions) await opened.close();
    const full = performance.now();
    await hashesOf(source.url);
    expect(stoppedAfterMs).toBeLessThan(Math.max(400, (performance.now() - full) * 0.8));
    await run(source.url, 'DROP TABLE slow');
  });

  it('fails where the role may not see all rows', async () => {
    await run(
      source.url,
      'CREATE TABLE secret (a int); ALTER TABLE secret ENABLE ROW LEVEL SECURITY',
    );
    const role = `reader_${Math.random().toString(36).slice(2)}`;
    await run(
      source.url,
      `CREATE ROLE ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`,
    );
    const limited = await openSession(source.url);
    try {
      await limited.execute(`SET ROLE ${role}`, 'becoming somebody else');
      await failure(
        readContentHashes(async () => limited),
        'PERMISSION_DENIED',
      );
    } finally {
      await limited.close();
      await run(source.url, `DROP TABLE secret; DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
});
