import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseProbes, readProbes, runProbes } from '../../../src/features/rehearsal/run-probes.js';
import type { Session } from '../../../src/postgres/session.js';
import { failure } from '../../support/failure.js';
import { openSession } from '../../support/open-session.js';
import {
  createTestDatabase,
  type TestDatabase,
  testServers,
  withSession,
} from '../../support/servers.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const before = `
  CREATE TABLE users (id int PRIMARY KEY, name text, email text);
  INSERT INTO users SELECT i, 'user ' || i, 'u' || i || '@example.org' FROM generate_series(1, 100) i;
  CREATE TABLE "odd; ""t" (a int);
  CREATE TABLE slow (ms float8);
  INSERT INTO slow VALUES (0);
  CREATE SCHEMA app;
  CREATE TABLE app.things (id int);`;

describe.each(testServers())('probes on $name', (server) => {
  let databases: readonly [TestDatabase, TestDatabase];
  const opened: Session[] = [];

  const open = (at: 0 | 1) => async () => {
    const session = await openSession(databases[at].url);
    opened.push(session);
    return session;
  };
  const run = async (text: string, options: Parameters<typeof runProbes>[2] = {}) => {
    const probes = await parseProbes(text, 'probes.sql');
    try {
      return await runProbes({ openBefore: open(0), openAfter: open(1) }, probes, options);
    } finally {
      for (const session of opened.splice(0)) await session.close();
    }
  };
  const verdictOf = async (sql: string) => (await run(sql)).map(({ verdict }) => verdict);
  const ask = (at: 0 | 1, sql: string) =>
    withSession(databases[at].url, async (client) => (await client.query(sql)).rows);

  beforeAll(async () => {
    const options = { name: 'probes', sql: before };
    databases = [
      await createTestDatabase(server, options),
      await createTestDatabase(server, options),
    ];
    await ask(
      1,
      `ALTER TABLE users DROP COLUMN email;
       DELETE FROM users WHERE id = 100;
       UPDATE users SET name = upper(name) WHERE id = 7;
       ALTER TABLE users ADD COLUMN active boolean DEFAULT true;
       UPDATE slow SET ms = 0.4;
       CREATE TABLE fresh (id int);
       ALTER TABLE app.things RENAME id TO thing_id`,
    );
  });
  afterAll(async () => {
    for (const one of databases) await one.drop();
  });

  it('finds what breaks, with what the server says', async () => {
    const [probe, ...more] = await run('\n-- all of them\nSELECT id, email FROM users;');
    expect(more).toEqual([]);
    expect(probe).toMatchObject({
      ...{ verdict: 'broken', line: 3, sql: 'SELECT id, email FROM users' },
      before: { rows: 100, columns: ['id', 'email'], error: null },
      after: { rows: null, error: '42703: column "email" does not exist' },
    });
  });

  it.each([
    ['SELECT id FROM users WHERE id < 50', 'same'],
    ['SELECT id FROM users', 'changed'],
    ['SELECT id, name FROM users WHERE id = 7', 'changed'],
    ['SELECT * FROM users WHERE id = 1', 'changed'],
    ['SELECT count(*) FROM users WHERE id < 100', 'same'],
    ['SELECT id FROM fresh', 'mended'],
    ['SELECT nothing FROM nowhere', 'failing'],
    ['SELECT pg_sleep(ms) FROM slow', 'slower'],
    ['SELECT id FROM app.things', 'broken'],
    ['SELECT now(), id FROM users WHERE id < 50', 'same'],
    ['SELECT random(), id FROM users', 'changed'],
    ['SELECT NULL, $1', 'same'],
    ['SELECT 1 WHERE false', 'same'],
    [`UPDATE users SET name = 'x' WHERE id < 50`, 'same'],
    [`UPDATE users SET name = 'x'`, 'changed'],
    ['DELETE FROM users WHERE id < 50 RETURNING id', 'same'],
    ['VACUUM', 'failing'],
  ])('%s: %s', async (sql, verdict) => {
    expect(await verdictOf(sql)).toEqual([verdict]);
  });

  it('does not look at the order of rows unless the query has one', async () => {
    const shuffled = `SELECT id FROM users WHERE id < 50
                      ORDER BY (CASE WHEN to_regclass('fresh') IS NULL THEN id ELSE -id END)`;
    const inside = `SELECT * FROM (${shuffled}) AS q`;
    const [ordered, unordered] = await run(`${shuffled};\n${inside};`);
    expect([ordered?.verdict, unordered?.verdict]).toEqual(['changed', 'same']);
  });

  it('leaves rows that sort alike in any order', async () => {
    const shuffled = (sort: string) => `
      WITH q AS (SELECT id / 10 AS tens, id FROM users WHERE id < 50
                  ORDER BY (CASE WHEN to_regclass('fresh') IS NULL THEN id ELSE -id END))
      SELECT tens, id FROM q ORDER BY ${sort}`;
    expect(await verdictOf(shuffled('tens'))).toEqual(['same']);
    expect(await verdictOf(shuffled('1'))).toEqual(['same']);
    expect(await verdictOf(shuffled('tens, id'))).toEqual(['same']);
  });

  it('rolls back what probes write, also where they fail', async () => {
    await run(`INSERT INTO users (id, name) VALUES (5000, 'new');
               INSERT INTO users (id, name) SELECT 6000 + i, 1 / (3 - i) FROM generate_series(1, 5) i;
               CREATE TABLE made (); TRUNCATE users`);
    for (const at of [0, 1] as const) {
      const [row] = await ask(
        at,
        `SELECT count(*)::int AS users, max(id) < 5000 AS none, to_regclass('made') AS made FROM users`,
      );
      expect(row).toEqual({ users: 100 - at, none: true, made: null });
    }
  });

  it('takes values of parameters from a comment, else NULL', async () => {
    const found = await run(`
      -- params: [7, "user 7", [1, 7], {"a": 1}, null, true, 1.5]
      SELECT id FROM users WHERE id = $1 AND name = $2 AND id = ANY ($3::int[])
         AND ($4::jsonb ->> 'a') = '1' AND $5::text IS NULL AND $6::bool AND $7::numeric = 1.5;
      SELECT id FROM users WHERE id = $1 OR $1 IS NULL`);
    expect(found.map(({ verdict, before: { rows, error } }) => [verdict, rows, error])).toEqual([
      ['changed', 1, null],
      ['changed', 100, null],
    ]);
  });

  it('keeps settings for the queries behind them', async () => {
    const found = await run(`SET search_path = app; SELECT thing_id FROM things`);
    expect(found).toMatchObject([{ sql: 'SELECT thing_id FROM things', verdict: 'mended' }]);
  });

  it('goes on when a query takes too long, and says so', async () => {
    const found = await run('SELECT pg_sleep(60); SELECT 1', { timeoutMs: 100 });
    expect(found).toMatchObject([
      { verdict: 'failing', before: { error: expect.stringContaining('57014') } },
      { verdict: 'same' },
    ]);
  });

  it('lets itself be interrupted', async () => {
    const aborter = new AbortController();
    const options = { signal: aborter.signal, timeoutMs: 600_000 };
    const ended = failure(run('SELECT pg_sleep(600)', options), 'INTERRUPTED');
    const sleeping = `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`;
    await expect.poll(() => ask(0, sleeping), { timeout: 20_000 }).toHaveLength(1);
    aborter.abort();
    await ended;
    expect(await ask(0, sleeping)).toEqual([]);
  });

  it.each([
    ['SELECT 1;\n\\d users\n', 'probes.sql, line 2'],
    ['SELECT 1;\nBEGIN;', 'probes.sql, line 2: a probe cannot begin or end a transaction'],
    ['COPY users TO PROGRAM $$cat$$', 'line 1: COPY is no probe'],
    ['\n-- params: nonsense\nSELECT $1', 'line 3: the values of "params:" are no list in JSON'],
    ['-- params: [1]\nSELECT $1, $2', 'line 2: the query has 2 parameters, and "params:" gives 1'],
    ['SELECT 1;\nSELECT FROM WHERE', 'line 2'],
  ])('refuses a file before anything is run: %j', async (text, message) => {
    const folder = makeTempFolder({ 'probes.sql': text });
    const error = await failure(readProbes('probes.sql', folder), 'BAD_MIGRATION');
    expect(error.message).toContain(message);
  });
});
