import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProgressEvent } from '../../../src/domain/reporter.js';
import { type RunScriptOptions, runScript } from '../../../src/postgres/run-script.js';
import type { Session } from '../../../src/postgres/session.js';
import { failure } from '../../support/failure.js';
import { openSession } from '../../support/open-session.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';

describe.each(testServers())('runScript on $name', (server) => {
  let db: TestDatabase;
  let session: Session;

  beforeAll(async () => {
    const sql = 'CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)';
    db = await createTestDatabase(server, { name: 'script', sql });
    await run(db.url, `ALTER DATABASE ${db.name} SET search_path = shop, public`);
    await run(db.url, `ALTER DATABASE ${db.name} SET statement_timeout = '77s'`);
    session = await openSession(db.url);
  });
  afterAll(async () => {
    await session.close();
    await db.drop();
  });

  const go = (sql: string, options: RunScriptOptions & { inTransaction?: boolean } = {}) => {
    const { inTransaction = true, ...rest } = options;
    return runScript(session, { file: 'm/1_a/up.sql', line: 1, sql, inTransaction }, rest);
  };
  const settings = async () =>
    session.queryOne(
      `SELECT current_user::text AS role, session_user::text AS "user", current_setting('search_path') AS path,
              current_setting('row_security') AS rls, current_setting('lock_timeout') AS lock,
              current_setting('statement_timeout') AS statement, current_setting('work_mem') AS work`,
    );
  const hasTable = async (name: string) =>
    (await rowsOf(db.url, 'SELECT to_regclass($1) AS found', [name]))[0].found !== null;

  it('runs under the settings of the database, and leaves Belay’s behind', async () => {
    const before = await settings();
    await go(`CREATE TABLE seen AS SELECT current_setting('search_path') AS path, current_setting('row_security') AS rls,
                current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement;
              SET work_mem = '1234kB'; SET search_path = nowhere; SET ROLE pg_monitor`);
    expect(await rowsOf(db.url, 'SELECT * FROM public.seen')).toEqual([
      { path: 'shop, public', rls: 'on', lock: '5s', statement: '77s' },
    ]);
    expect(await settings()).toEqual(before);
    await failure(
      go('SET ROLE pg_monitor; SELECT 1/0', { inTransaction: false }),
      'MIGRATION_FAILED',
    );
    expect(await settings()).toEqual(before);
  });

  it('calls back within the transaction, under Belay’s settings', async () => {
    const before = await settings();
    let during: unknown;
    const beforeCommit = async () => {
      during = await settings();
      throw new Error('stop here');
    };
    const script = `CREATE TABLE called (); SET ROLE pg_monitor; SET LOCAL search_path = nowhere; SET statement_timeout = '9s'`;
    await expect(go(script, { beforeCommit })).rejects.toThrow('stop here');
    expect(during).toEqual(before);
    expect(await hasTable('public.called')).toBe(false);
  });

  it('runs deferred triggers while the settings of the database hold', async () => {
    await run(
      db.url,
      `CREATE TABLE public.noted (path text);
       CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO noted VALUES (current_setting('search_path')); RETURN NULL; END $$;
       CREATE CONSTRAINT TRIGGER note AFTER INSERT ON public.items DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION public.note();`,
    );
    await go('INSERT INTO items VALUES (2)', { beforeCommit: async () => {} });
    expect(await rowsOf(db.url, 'SELECT path FROM public.noted')).toEqual([
      { path: 'shop, public' },
    ]);
    await run(db.url, 'DROP TRIGGER note ON public.items');
  });

  it('says file, line and statement of a failure, and keeps nothing', async () => {
    const script = `CREATE TABLE gone ();\n\nINSERT INTO items (id)\n  SELECT 5 UNION ALL\n  SELECT nowhere;`;
    const error = await failure(go(script), 'MIGRATION_FAILED');
    expect(error.message).toBe(
      'm/1_a/up.sql, line 5: column "nowhere" does not exist, in: INSERT INTO items (id) SELECT 5 UNION ALL SELECT nowhere',
    );
    expect(error.details).toMatchObject({ file: 'm/1_a/up.sql', line: 5, sqlState: '42703' });
    expect(await hasTable('public.gone')).toBe(false);
  });

  it('gives PostgreSQL’s detail and hint', async () => {
    const error = await failure(
      go(
        `DO $$ BEGIN RAISE 'no' USING DETAIL = 'why', HINT = 'what now', ERRCODE = 'ABCDE'; END $$`,
      ),
      'MIGRATION_FAILED',
    );
    expect(error.details).toMatchObject({
      ...{ message: 'no', detail: 'why', hint: 'what now', sqlState: 'ABCDE' },
    });
    expect(error.hint).toMatch(/^what now\. Nothing of it was kept/);
  });

  it('says that a deferred constraint failed at the end', async () => {
    const script = `CREATE TABLE twice (n int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO twice VALUES (1), (1)`;
    const error = await failure(go(script), 'MIGRATION_FAILED');
    expect(error.message).toMatch(/^m\/1_a\/up\.sql, at its end: duplicate key/);
    expect(error.details).toMatchObject({ line: null, sqlState: '23505' });
  });

  it('shows no password', async () => {
    const error = await failure(
      go(`CREATE ROLE postgres PASSWORD 'geheim1'; CREATE ROLE x`),
      'MIGRATION_FAILED',
    );
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain('geheim');
  });

  it('tells what a migration says', async () => {
    const events: ProgressEvent[] = [];
    await go(`DO $$ BEGIN RAISE NOTICE 'halfway'; END $$`, {
      reporter: (event) => events.push(event),
    });
    expect(events).toEqual([{ type: 'note', message: 'PostgreSQL: halfway' }]);
  });

  it('without a transaction says what has run and stays', async () => {
    const script = `CREATE TABLE kept ();\nCREATE INDEX CONCURRENTLY kept_i ON items (id);\nSELECT 1/0;\nCREATE TABLE never ();`;
    const error = await failure(go(script, { inTransaction: false }), 'MIGRATION_FAILED');
    expect(error.details).toMatchObject({
      line: 3,
      ran: ['CREATE TABLE kept ()', 'CREATE INDEX CONCURRENTLY kept_i ON items (id)'],
    });
    expect(error.hint).toContain('repeatable');
    expect([await hasTable('public.kept'), await hasTable('public.never')]).toEqual([true, false]);
  });

  it('refuses a transaction that is not ended, and rolls it back', async () => {
    const script = 'BEGIN; CREATE TABLE open_end ()';
    const error = await failure(go(script, { inTransaction: false }), 'MIGRATION_FAILED');
    expect(error.message).toContain('does not end');
    expect(await hasTable('public.open_end')).toBe(false);
  });

  it('takes a script without a statement', async () => {
    let called = 0;
    const beforeCommit = async () => {
      called += 1;
    };
    expect(await go('-- nothing', { beforeCommit })).toEqual({ statements: 0, attempts: 1 });
    expect(called).toBe(1);
  });

  it.each([true, false])(
    'tries again what a lock held up (in a transaction: %s)',
    async (inTransaction) => {
      const other = await openSession(db.url);
      const events: string[] = [];
      const column = `added_${inTransaction}`;
      await other.execute('BEGIN; LOCK TABLE public.items IN ACCESS EXCLUSIVE MODE', 'testing');
      try {
        const result = await go(
          `CREATE TABLE for_${column} (); ALTER TABLE items ADD ${column} int`,
          {
            ...{ inTransaction, lockTimeoutMs: 20, firstPauseMs: 20 },
            reporter: async (event) => {
              if (event.type !== 'note') return;
              events.push(event.message);
              await other.execute('ROLLBACK', 'testing');
            },
          },
        );
        expect(result.attempts).toBeGreaterThan(1);
        expect(events[0]).toMatch(/a lock was not to be had \(55P03\); attempt 2 of 6/);
      } finally {
        await other.close();
      }
    },
  );

  it('gives up after a bound, and says where', async () => {
    const other = await openSession(db.url);
    await other.execute('BEGIN; LOCK TABLE public.items IN ACCESS EXCLUSIVE MODE', 'testing');
    try {
      const work = go('CREATE TABLE waited ();\nALTER TABLE items ADD never int', {
        lockTimeoutMs: 1,
        firstPauseMs: 1,
      });
      const error = await failure(work, 'LOCK_TIMEOUT');
      expect(error.message).toContain('line 2');
      expect(await hasTable('public.waited')).toBe(false);
    } finally {
      await other.close();
    }
  });

  it('says that the connection was lost, and where', async () => {
    const lost = await openSession(db.url);
    const sql = 'CREATE TABLE lost ();\nSELECT pg_terminate_backend(pg_backend_pid());';
    const error = await failure(
      runScript(lost, { file: 'f.sql', line: 1, sql, inTransaction: true }),
      'SERVER_GONE',
    );
    await lost.close();
    expect(error.message).toMatch(/^f\.sql, line 2: lost the connection/);
    expect(error.hint).toContain('rolled back');
    expect(await hasTable('public.lost')).toBe(false);
  });

  it('tells how to go on with a new value of an enum', async () => {
    await go(`CREATE TYPE mood AS ENUM ('calm')`);
    const script = `ALTER TYPE mood ADD VALUE 'wild';\nCREATE TABLE moods (m mood DEFAULT 'wild')`;
    const error = await failure(go(script), 'MIGRATION_FAILED');
    expect(error.hint).toContain('in a migration of its own');
  });
});
