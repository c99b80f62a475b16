import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CompareRowsOptions, compareRows } from '../../src/postgres/row-diff.js';
import type { Session } from '../../src/postgres/session.js';
import { openSession } from '../support/open-session.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  testServers,
  withSession,
} from '../support/servers.js';

/** Compares two databases by URL; closes what it opened. */
async function compareUrls(urlA: string, urlB: string, options?: CompareRowsOptions) {
  const sessions: Session[] = [];
  const opener = (url: string) => async () => {
    const session = await openSession(url);
    sessions.push(session);
    return session;
  };
  try {
    return await compareRows(opener(urlA), opener(urlB), options);
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

describe.each(testServers())('row diff on $name', (server) => {
  let a: TestDatabase;
  let b: TestDatabase;
  const run = (database: TestDatabase, sql: string) =>
    withSession(database.url, (client) => client.query(sql));
  const both = async (sql: string) => {
    await run(a, sql);
    await run(b, sql);
  };
  const compare = (options?: CompareRowsOptions) => compareUrls(a.url, b.url, options);

  beforeAll(async () => {
    a = await createTestDatabase(server);
    b = await createTestDatabase(server);
  });
  afterAll(async () => {
    await a?.drop();
    await b?.drop();
  });
  afterEach(() => both('DROP SCHEMA IF EXISTS public, "S.1" CASCADE; CREATE SCHEMA public'));

  it('finds nothing between equal databases', async () => {
    await both(`CREATE TABLE t (id int PRIMARY KEY, n text); INSERT INTO t SELECT i, i FROM generate_series(1, 5000) i;
      CREATE TABLE bag (n int); INSERT INTO bag VALUES (1), (1), (NULL); CREATE TABLE nothing ()`);
    expect(await compare()).toEqual([]);
  });

  it('names rows that were added, removed and changed', async () => {
    await both(`CREATE TABLE t (id int PRIMARY KEY, name text, total numeric(10,2));
      INSERT INTO t SELECT i, 'n' || i, i FROM generate_series(1, 5000) i`);
    await run(
      b,
      `DELETE FROM t WHERE id = 17; UPDATE t SET total = 0.5, name = NULL WHERE id = 4000;
       INSERT INTO t VALUES (9001, '', 2)`,
    );
    expect(await compare()).toEqual([
      {
        table: 'public.t',
        key: ['id'],
        added: 1,
        removed: 1,
        changed: 1,
        samples: [
          { kind: 'removed', key: { id: '17' }, before: { id: '17', name: 'n17', total: '17.00' } },
          {
            kind: 'changed',
            key: { id: '4000' },
            before: { id: '4000', name: 'n4000', total: '4000.00' },
            after: { id: '4000', name: null, total: '0.50' },
          },
          { kind: 'added', key: { id: '9001' }, after: { id: '9001', name: '', total: '2.00' } },
        ],
      },
    ]);
  });

  it('counts all and shows as many of each kind as asked for', async () => {
    await both('CREATE TABLE t (id int PRIMARY KEY, n int)');
    await run(a, 'INSERT INTO t SELECT i, 0 FROM generate_series(1, 6000) i');
    await run(b, 'INSERT INTO t SELECT i, 1 FROM generate_series(3001, 10000) i');
    const [diff] = await compare({ sampleLimit: 2 });
    expect(diff).toMatchObject({ added: 4000, removed: 3000, changed: 3000 });
    const kinds = diff?.samples.map(({ kind }) => kind).sort();
    expect(kinds).toEqual(['added', 'added', 'changed', 'changed', 'removed', 'removed']);
    const [countsOnly] = await compare({ sampleLimit: 0 });
    expect(countsOnly).toMatchObject({ added: 4000, removed: 3000, changed: 3000, samples: [] });
  });

  it('gives values exactly as PostgreSQL prints them', async () => {
    await both(`CREATE TABLE t (id bigint PRIMARY KEY, j json, f float8, b bool, c char(4), d date, ts timestamptz,
      i interval, raw bytea, arr text[], n numeric)`);
    await run(
      b,
      `SET TimeZone = 'Asia/Tokyo'; INSERT INTO t VALUES (9007199254740993, '{"b": 1,  "a": 2, "a": 3}', 0.1::float8 + 0.2, true, 'ab',
        'infinity', '2026-03-29 03:00:00.123456+09', '1 mon 2 days', '\\x00ff', '{a,NULL,"NULL"}', 'NaN')`,
    );
    const [diff] = await compare();
    expect(diff?.samples).toEqual([
      {
        kind: 'added',
        key: { id: '9007199254740993' },
        after: {
          id: '9007199254740993',
          j: '{"b": 1,  "a": 2, "a": 3}',
          f: '0.30000000000000004',
          b: 't',
          c: 'ab  ',
          d: 'infinity',
          ts: '2026-03-28 18:00:00.123456+00',
          i: '1 mon 2 days',
          raw: '\\x00ff',
          arr: '{a,NULL,"NULL"}',
          n: 'NaN',
        },
      },
    ]);
  });

  it('tells NULL from an empty text, and one column from the next', async () => {
    await both('CREATE TABLE t (id int PRIMARY KEY, x text, y text)');
    await run(a, `INSERT INTO t VALUES (1, NULL, ''), (2, 'a,b', 'c'), (3, 'same', 'same')`);
    await run(b, `INSERT INTO t VALUES (1, '', NULL), (2, 'a', 'b,c'), (3, 'same', 'same')`);
    expect(await compare()).toMatchObject([{ added: 0, removed: 0, changed: 2 }]);
  });

  it('finds its way through keys of any order, with several parts and odd names', async () => {
    const keys = [`'Z'`, `'a'`, `'ä'`, `'z'`, `'\u{1F600}'`, `'\uFFFD'`, `''`, `' '`, `'"''\\'`];
    await both(`CREATE SCHEMA "S.1"; CREATE TABLE "S.1"."T ""x" ("select" text, "b c" uuid, n int, PRIMARY KEY ("b c", "select"));
      INSERT INTO "S.1"."T ""x" SELECT k, '00000000-0000-0000-0000-000000000001', 1 FROM unnest(ARRAY[${keys.join(', ')}]) k`);
    expect(await compare()).toEqual([]);
    await run(b, `UPDATE "S.1"."T ""x" SET n = 2 WHERE "select" IN ('Z', '\u{1F600}', '')`);
    await run(b, `DELETE FROM "S.1"."T ""x" WHERE "select" = '\uFFFD'`);
    const [diff, ...others] = await compare({ tables: ['"S.1"."T ""x"'] });
    expect(others).toEqual([]);
    expect(diff).toMatchObject({
      table: '"S.1"."T ""x"',
      key: ['b c', 'select'],
      added: 0,
      removed: 1,
      changed: 3,
    });
    expect(diff?.samples.map(({ kind, key }) => `${kind} ${key.select}`)).toEqual([
      'changed ',
      'changed Z',
      'removed \uFFFD',
      'changed \u{1F600}',
    ]);
    expect(diff?.samples[3]?.after).toEqual({
      select: '\u{1F600}',
      'b c': '00000000-0000-0000-0000-000000000001',
      n: '2',
    });
  });

  it("reads rows by keys of types that are not PostgreSQL's own", async () => {
    await both(`CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('b', 'a');
      CREATE TABLE t (k citext, m mood, c char(3), f bool, n int, PRIMARY KEY (k, m, c, f)); INSERT INTO t VALUES ('Key', 'a', 'x', true, 1)`);
    await run(b, 'UPDATE t SET n = 2');
    expect((await compare())[0]?.samples).toMatchObject([
      {
        kind: 'changed',
        before: { k: 'Key', c: 'x  ', n: '1' },
        after: { m: 'a', f: 't', n: '2' },
      },
    ]);
  });

  it('compares tables without a key as multisets', async () => {
    await both('CREATE TABLE bag (n int, s text)');
    await run(a, `INSERT INTO bag VALUES (1, 'x'), (1, 'x'), (1, 'x'), (2, NULL), (3, 'z')`);
    await run(b, `INSERT INTO bag VALUES (1, 'x'), (2, NULL), (4, 'w'), (4, 'w')`);
    const [diff] = await compare();
    expect(diff).toMatchObject({ key: null, added: 2, removed: 3, changed: 0 });
    expect(diff?.samples.filter(({ kind }) => kind === 'added')).toEqual([
      { kind: 'added', key: {}, after: { n: '4', s: 'w' } },
      { kind: 'added', key: {}, after: { n: '4', s: 'w' } },
    ]);
    const removed = diff?.samples.flatMap(({ before }) => (before ? [before.n] : []));
    expect(removed?.sort()).toEqual(['1', '1', '3']);
  });

  it('compares by name what both have, and says what only one has', async () => {
    await run(a, 'CREATE TABLE t (id int PRIMARY KEY, gone text, kept text, n int)');
    await run(b, 'CREATE TABLE t (kept text, n bigint, id bigint PRIMARY KEY, new text)');
    await run(a, `INSERT INTO t VALUES (1, 'g', 'k', 7), (2, 'g', 'k', 8)`);
    await run(b, `INSERT INTO t (id, kept, n) VALUES (1, 'k', 7), (2, 'other', 8)`);
    expect(await compare()).toEqual([
      {
        table: 'public.t',
        key: ['id'],
        added: 0,
        removed: 0,
        changed: 1,
        samples: [
          {
            kind: 'changed',
            key: { id: '2' },
            before: { id: '2', kept: 'k', n: '8' },
            after: { id: '2', kept: 'other', n: '8' },
          },
        ],
        skipped: 'column gone only in A; column new only in B',
      },
    ]);
  });

  it('falls back to multisets where the keys differ', async () => {
    await run(a, 'CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1)');
    await run(b, 'CREATE TABLE t (id int, n int PRIMARY KEY); INSERT INTO t VALUES (1, 2)');
    expect(await compare()).toMatchObject([
      { key: null, added: 1, removed: 1, changed: 0, skipped: 'the primary keys differ' },
    ]);
  });

  it('counts the rows of tables that only one side has', async () => {
    await run(a, 'CREATE TABLE old AS SELECT generate_series(1, 3); CREATE TABLE none (id int)');
    await run(b, 'CREATE TABLE new AS SELECT generate_series(1, 4)');
    expect(await compare()).toMatchObject([
      { table: 'public.new', added: 4, removed: 0, skipped: 'the table is only in B' },
      { table: 'public.old', added: 0, removed: 3, skipped: 'the table is only in A' },
    ]);
  });

  it('compares partitions and parents each by their own rows', async () => {
    await both(`CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
      CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent)`);
    await run(b, 'INSERT INTO p VALUES (1), (11), (12); INSERT INTO child VALUES (1)');
    const diffs = await compare();
    expect(diffs.map(({ table, added }) => `${table} ${added}`)).toEqual([
      'public.child 1',
      'public.p1 1',
      'public.p2 2',
    ]);
  });

  it('compares only the tables asked for, and refuses unknown ones', async () => {
    await both('CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)');
    await run(b, 'INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)');
    expect((await compare({ tables: ['public.u'] })).map(({ table }) => table)).toEqual([
      'public.u',
    ]);
    await expect(compare({ tables: ['public.v'] })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(compare({ tables: ['t'] })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('leaves out a table that somebody is altering, and says so', async () => {
    await both('CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)');
    await run(b, 'INSERT INTO u VALUES (1)');
    const quick = async (database: TestDatabase) => {
      const session = await openSession(database.url);
      await session.execute('SET lock_timeout = 50', 'bounding the wait');
      return session;
    };
    const sessions = [await quick(a), await quick(b)] as const;
    const diffs = await withSession(b.url, async (client) => {
      await client.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE');
      return compareRows(
        async () => sessions[0],
        async () => sessions[1],
      );
    }).finally(() => Promise.all(sessions.map((session) => session.close())));
    expect(diffs).toMatchObject([
      { table: 'public.t', added: 0, skipped: expect.stringContaining('lock') },
      { table: 'public.u', added: 1 },
    ]);
  });

  it('refuses where row level security hides rows', async () => {
    const role = await createTestRole(server);
    try {
      await both(`CREATE TABLE t (id int PRIMARY KEY); GRANT SELECT ON t TO ${role.name};
        ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON t USING (false)`);
      await run(b, 'INSERT INTO t VALUES (1)');
      await expect(compareUrls(role.urlFor(a.url), role.urlFor(b.url))).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
        message: expect.stringContaining('public.t'),
      });
    } finally {
      await both(`DROP OWNED BY ${role.name} CASCADE`);
      await role.drop();
    }
  });

  it('stops when it is aborted', async () => {
    await both('CREATE TABLE t (id int PRIMARY KEY)');
    const controller = new AbortController();
    const reason = new Error('enough');
    await withSession(b.url, async (client) => {
      await client.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE');
      const comparing = compare({ signal: controller.signal });
      comparing.catch(() => {});
      const waiting = async () =>
        (
          await client.query(
            `SELECT pid FROM pg_locks WHERE NOT granted AND relation = 't'::regclass`,
          )
        ).rows.length;
      await expect.poll(waiting, { timeout: 5000 }).toBe(1);
      controller.abort(reason);
      await expect(comparing).rejects.toBe(reason);
      expect(await waiting()).toBe(0);
    });
  });
});
