import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPlanInput } from '../../../src/features/plan/read-input.js';
import { prepareInput } from '../../../src/features/rehearsal/read-files.js';
import { type RunFilesOptions, runFiles } from '../../../src/features/rehearsal/run-files.js';
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

const sql = `
  CREATE TABLE items (id int PRIMARY KEY, name text);
  INSERT INTO items SELECT i, 'item ' || i FROM generate_series(1, 1000) i;
  CREATE TABLE "Odd ""name; x" (a int);
  CREATE TABLE parents (id int PRIMARY KEY);
  CREATE TABLE children (parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED);`;

const rowsOf = (url: string, text: string): Promise<Record<string, unknown>[]> =>
  withSession(url, async (client) => (await client.query(text)).rows);

describe.each(testServers())('running files on $name', (server) => {
  let db: TestDatabase;
  let session: Session;
  let helper: Session;

  beforeAll(async () => {
    db = await createTestDatabase(server, { name: 'files', sql });
    session = await openSession(db.url);
    helper = await openSession(server.adminUrl);
  });
  afterAll(async () => {
    await session.close();
    await helper.close();
    await db.drop();
  });

  const read = async (files: Readonly<Record<string, string>>, ...names: string[]) => {
    const cwd = makeTempFolder(files);
    return prepareInput(await readPlanInput(names, { cwd }));
  };
  const go = async (
    files: Readonly<Record<string, string>>,
    names: readonly string[] = Object.keys(files),
    options: Partial<RunFilesOptions> = {},
  ) => runFiles(session, await read(files, ...names), { helper, ...options });
  const valuesOf = async (query: string) =>
    (await rowsOf(db.url, query)).map((row) => Object.values(row)[0]);

  it('runs a file as one transaction, and times each statement', async () => {
    const good = await go({
      'up.sql': 'CREATE TABLE one (a text);\n\nINSERT INTO one\n  SELECT pg_sleep(0.05)::text;',
    });
    expect(good).toMatchObject({ exitCode: 0, timedOut: false, errors: [] });
    expect(good.statements).toMatchObject([
      {
        sql: 'INSERT INTO one\n  SELECT pg_sleep(0.05)::text',
        line: 3,
        file: 'up.sql',
        exact: true,
      },
      { sql: 'CREATE TABLE one (a text)', line: 1, exact: true },
    ]);
    expect(good.statements[0]?.durationMs).toBeGreaterThanOrEqual(49);
    expect(good.durationMs).toBeGreaterThanOrEqual(49);
  });

  it('says which statement failed, and runs nothing behind it', async () => {
    const found = await go({
      'a.sql': 'CREATE TABLE kept_a ()',
      'b.sql': 'CREATE TABLE lost_b ();\n\nSELECT 1 / 0;\nCREATE TABLE never ()',
      'c.sql': 'CREATE TABLE never ()',
    });
    expect(found).toMatchObject({ exitCode: 1, timedOut: false });
    expect(found.errors).toEqual([
      {
        ...{ message: 'division by zero', sqlState: '22012', line: 3 },
        ...{ statement: 'SELECT 1 / 0', file: 'b.sql' },
      },
    ]);
    expect(found.statements.map((one) => one.sql)).toContain('SELECT 1 / 0');
    expect(
      await valuesOf(
        `SELECT relname FROM pg_class WHERE relname IN ('kept_a', 'lost_b', 'never') ORDER BY 1`,
      ),
    ).toEqual(['kept_a']);
  });

  it('says that a file failed at its end, when what was deferred is checked', async () => {
    const found = await go({ 'up.sql': 'INSERT INTO children VALUES (1);' });
    expect(found.errors).toMatchObject([
      { sqlState: '23503', line: null, statement: null, file: 'up.sql' },
    ]);
  });

  it('measures exclusive locks from the statement to the end of the transaction', async () => {
    const { locks } = await go({
      'up.sql': `ALTER TABLE items ADD COLUMN extra int;
                 CREATE INDEX ON "Odd ""name; x" (a);
                 SELECT pg_sleep(0.1);`,
    });
    expect(locks).toMatchObject([
      {
        ...{ object: 'public.items', kind: 'table', mode: 'AccessExclusiveLock', waitedMs: 0 },
        statement: 'ALTER TABLE items ADD COLUMN extra int',
      },
      {
        ...{ object: 'public."Odd ""name; x"', kind: 'table', mode: 'ShareLock' },
        statement: 'CREATE INDEX ON "Odd ""name; x" (a)',
      },
    ]);
    for (const { heldMs, heldAtMostMs } of locks) {
      expect(heldMs).toBeGreaterThanOrEqual(100);
      expect(heldAtMostMs).toBe(heldMs);
    }
  });

  it('lets locks go where a file ends its transactions, and its savepoints', async () => {
    const { locks, notes, exitCode } = await go({
      'up.sql': `BEGIN;
                 SAVEPOINT a; LOCK TABLE parents; ROLLBACK TO a;
                 ALTER TABLE children ADD COLUMN x int;
                 COMMIT;
                 SELECT pg_sleep(0.4);
                 ALTER TABLE items SET (fillfactor = 90)`,
    });
    expect(exitCode).toBe(0);
    expect(notes.join()).toContain('up.sql begins and ends transactions itself');
    const held = Object.fromEntries(locks.map((one) => [`${one.object} ${one.mode}`, one.heldMs]));
    expect(Object.keys(held)).toEqual(
      expect.arrayContaining([
        'public.parents AccessExclusiveLock',
        'public.children AccessExclusiveLock',
      ]),
    );
    for (const heldMs of Object.values(held)) expect(heldMs).toBeLessThan(400);
  });

  it('runs what cannot be in a transaction by itself', async () => {
    const found = await go({
      'up.sql': `CREATE INDEX CONCURRENTLY items_name ON items (name);
                 ALTER TABLE items ALTER name SET STATISTICS 200;
                 VACUUM items`,
    });
    expect(found).toMatchObject({ exitCode: 0, errors: [] });
    expect(found.notes.join()).toContain('cannot be in a transaction (line 1)');
    expect(found.statements).toHaveLength(3);
    expect(
      await valuesOf(`SELECT indisvalid FROM pg_index WHERE indexrelid = 'items_name'::regclass`),
    ).toEqual([true]);
  });

  it('loads the data of COPY, of every file its own, through includes and in transactions over files', async () => {
    const found = await go(
      {
        'all.sql': `\\set ON_ERROR_STOP on\nBEGIN;\nCREATE TABLE loaded (a int, b text);\n\\i part.sql\nCOPY loaded FROM stdin;\n1\tone\n2\t\\N\n\\.\nCOMMIT;\n`,
        'part.sql': `COPY loaded (b, a) FROM stdin WITH (FORMAT csv);\n"with, ""comma""\nand 🎉 line",3\n\\.\nCOPY loaded FROM STDIN;\n\\.\n`,
      },
      ['all.sql'],
    );
    expect(found).toMatchObject({ exitCode: 0, errors: [] });
    expect(await rowsOf(db.url, 'SELECT a, b FROM loaded ORDER BY a')).toEqual([
      { a: 1, b: 'one' },
      { a: 2, b: null },
      { a: 3, b: 'with, "comma"\nand 🎉 line' },
    ]);
  });

  it('names the file and the line of data that the server refuses', async () => {
    const found = await go({
      'up.sql': 'CREATE TABLE refused (a int);\nCOPY refused FROM stdin;\n1\nx\n\\.\n',
    });
    expect(found.errors).toMatchObject([
      { sqlState: '22P02', file: 'up.sql', line: 2, statement: 'COPY refused FROM stdin' },
    ]);
  });

  it('loads much data', async () => {
    const lines = Array.from({ length: 50_000 }, (_, i) => `${i}\tvalue é ${i}`).join('\n');
    const found = await go({
      'up.sql': `CREATE TABLE much (a int, b text);\nCOPY much FROM stdin;\n${lines}\n\\.\n`,
    });
    expect(found.exitCode).toBe(0);
    expect(await valuesOf(`SELECT count(*)::int || max(b) FROM much`)).toEqual([
      '50000value é 9999',
    ]);
  });

  it.each([
    ['\\if :x\nSELECT 1;\n\\endif\n', 1],
    ['SELECT 1;\nSELECT 2 \\gset\n', 2],
    [`SELECT 'DROP TABLE items' \\gexec\n`, 1],
    ['\\! rm -rf x\n', 1],
    ['\n\\copy items FROM data.csv\n', 2],
  ])('refuses what only psql can run: %j', async (text, line) => {
    const error = await failure(read({ 'up.sql': text }, 'up.sql'), 'BAD_MIGRATION');
    expect(error.message).toContain(`up.sql, line ${line}: Belay cannot run this`);
    expect(error.hint).toContain('psql');
  });

  it.each([
    'CREATE ROLE somebody',
    `ALTER ROLE CURRENT_USER PASSWORD 'hunter2'`,
    'DROP DATABASE postgres',
    'ALTER DATABASE postgres SET work_mem = 1',
    'ALTER DATABASE postgres RENAME TO other',
    `COMMENT ON DATABASE postgres IS 'x'`,
    'GRANT CONNECT ON DATABASE postgres TO PUBLIC',
    `ALTER SYSTEM SET work_mem = '1MB'`,
    'DROP SUBSCRIPTION IF EXISTS s',
    `COPY items TO PROGRAM 'cat'`,
  ])('refuses on a shared server what reaches beyond the database: %s', async (statement) => {
    const file = { 'up.sql': `CREATE TABLE not_made ();\n${statement};` };
    const error = await failure(go(file), 'COMMAND_NOT_ISOLATED');
    expect(error.message).toContain('up.sql, line 2');
    expect(error.message).not.toContain('hunter2');
    expect(await valuesOf(`SELECT to_regclass('not_made') IS NULL`)).toEqual([true]);
  });

  it('lets it be on a server of its own, and shows no password', async () => {
    const found = await go({ 'up.sql': `ALTER ROLE nobody_at_all PASSWORD 'hunter2'` }, undefined, {
      isShared: false,
    });
    expect(found.errors).toMatchObject([{ sqlState: '42704' }]);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });

  it('refuses a prepared transaction, which would outlive the copy', async () => {
    const text = `BEGIN;\nPREPARE TRANSACTION 'x'`;
    const error = await failure(read({ 'up.sql': text }, 'up.sql'), 'BAD_MIGRATION');
    expect(error.message).toContain('line 2');
  });

  it('ends a statement when the time is up', async () => {
    const started = `CREATE TABLE begun ();\nSELECT pg_sleep(100)`;
    const found = await go({ 'up.sql': started }, undefined, { timeoutMs: 300 });
    expect(found).toMatchObject({ exitCode: 1, timedOut: true });
    expect(found.errors).toMatchObject([
      { message: 'not done within 300 ms, and ended', line: 2, sqlState: '57014' },
    ]);
    expect(await valuesOf(`SELECT to_regclass('begun') IS NULL`)).toEqual([true]);
    // The session is whole: another file runs.
    expect(await go({ 'up.sql': 'SELECT 1' })).toMatchObject({ exitCode: 0 });
  });

  it('ends code that catches its own cancellation', async () => {
    const own = await openSession(db.url);
    const stubborn = `DO $$ BEGIN LOOP
        BEGIN PERFORM pg_sleep(100); EXCEPTION WHEN query_canceled THEN NULL; END;
      END LOOP; END $$`;
    const found = await runFiles(own, await read({ 'up.sql': stubborn }, 'up.sql'), {
      ...{ helper, timeoutMs: 100 },
    }).finally(() => own.close());
    expect(found).toMatchObject({ exitCode: 1, timedOut: true });
    expect(
      await valuesOf(`SELECT count(*)::int FROM pg_stat_activity WHERE pid = ${own.pid}`),
    ).toEqual([0]);
  });

  it('lets itself be interrupted', async () => {
    const aborter = new AbortController();
    const { signal } = aborter;
    const running = go({ 'up.sql': 'SELECT pg_sleep(100)' }, undefined, { signal });
    const ended = failure(running, 'INTERRUPTED');
    const sleeping = `SELECT count(*)::int FROM pg_stat_activity
                       WHERE pid = ${session.pid} AND wait_event = 'PgSleep'`;
    await expect.poll(() => valuesOf(sleeping), { timeout: 20_000 }).toEqual([1]);
    aborter.abort();
    await ended;
    expect(await valuesOf(sleeping)).toEqual([0]);
  });

  it('reads all files before it runs one', async () => {
    const error = await failure(
      go({ 'a.sql': 'CREATE TABLE too_early ()', 'b.sql': 'SELECT\nFROM WHERE' }),
      'BAD_MIGRATION',
    );
    expect(error.message).toContain('b.sql, line 2');
    expect(await valuesOf(`SELECT to_regclass('too_early') IS NULL`)).toEqual([true]);
  });
});
