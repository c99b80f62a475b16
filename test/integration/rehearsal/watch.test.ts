import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exclusiveLockMs, locksOf } from '../../../src/domain/rehearsal-locks.js';
import { readRelationNames } from '../../../src/postgres/rehearsal/read-relation-names.js';
import { startWatching, type Watcher } from '../../../src/postgres/rehearsal/watch-locks.js';
import type { Session } from '../../../src/postgres/session.js';
import { openSession } from '../../support/open-session.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  testServers,
  withSession,
} from '../../support/servers.js';

const sql = `
  CREATE TABLE users (id int PRIMARY KEY, name text);
  INSERT INTO users SELECT i, 'u' || i FROM generate_series(1, 100) i;
  CREATE TABLE "Odd.""name;
x" (a int);
  CREATE SCHEMA belay; CREATE TABLE belay.own (a int);
  CREATE VIEW seen AS SELECT id FROM users;
  CREATE MATERIALIZED VIEW kept AS SELECT id FROM users;
  CREATE SEQUENCE counter;
  CREATE TABLE parts (id int) PARTITION BY RANGE (id);`;

const patient = { timeout: 20_000 };

describe.each(testServers())('watching locks on $name', (server) => {
  let db: TestDatabase;
  const opened: Session[] = [];

  const open = async (url: string) => {
    const session = await openSession(url);
    opened.push(session);
    return session;
  };
  const watch = async (database = db.name, intervalMs?: number) => {
    const session = await open(server.adminUrl);
    return { session, watcher: startWatching(session, { database, intervalMs }) };
  };
  const names = async () => readRelationNames(await open(db.url));
  const found = async (watcher: Watcher) => locksOf(await watcher.stop(), await names());
  const admin = (text: string) =>
    withSession(server.adminUrl, async (client) => (await client.query(text)).rows);

  beforeAll(async () => {
    db = await createTestDatabase(server, { name: 'watch', sql });
  });
  afterEach(async () => {
    for (const session of opened.splice(0)) await session.close();
  });
  afterAll(async () => {
    await db.drop();
  });

  it('sees how long a lock was held at least and at most, and what ran', async () => {
    const { watcher } = await watch();
    const startedAt = performance.now();
    await withSession(db.url, async (client) => {
      await client.query('BEGIN');
      await client.query('ALTER TABLE users ADD COLUMN extra int');
      await client.query('SELECT pg_sleep(0.5)');
      await client.query('ROLLBACK');
    });
    const tookMs = performance.now() - startedAt;
    const result = await watcher.stop();
    const [lock] = locksOf(result, await names());
    expect(lock).toMatchObject({
      ...{ object: 'public.users', kind: 'table', mode: 'AccessExclusiveLock', waitedMs: 0 },
    });
    expect(lock?.heldAtMostMs).toBeGreaterThanOrEqual(500);
    expect(lock?.heldMs).toBeLessThanOrEqual(tookMs);
    expect(exclusiveLockMs(lock ? [lock] : [])).toBe(lock?.heldMs);
    const slept = result.statements.find((one) => one.sql === 'SELECT pg_sleep(0.5)');
    expect(slept).toMatchObject({ exact: false, line: null });
    expect(slept?.durationMs).toBeLessThanOrEqual(tookMs);
    expect(result.sampleIntervalMs).toBeGreaterThan(0);
    expect(result.problem).toBeNull();
  });

  it('sees who waits, and for how long', async () => {
    const { watcher } = await watch();
    const holder = await open(db.url);
    const waiter = await open(db.url);
    await holder.execute('BEGIN; LOCK TABLE public.users IN SHARE MODE', 'locking');
    const waiting = waiter.execute('BEGIN; LOCK TABLE public.users', 'waiting').catch(() => {});
    const isWaiting = `SELECT 1 FROM pg_locks WHERE pid = ${waiter.pid} AND NOT granted
                         AND clock_timestamp() - waitstart > interval '200 ms'`;
    await expect.poll(() => admin(isWaiting), patient).toHaveLength(1);
    await holder.execute('COMMIT', 'letting go');
    await waiting;
    const locks = await found(watcher);
    expect(locks.map(({ mode }) => mode).sort()).toEqual(['AccessExclusiveLock', 'ShareLock']);
    const waited = locks.find(({ mode }) => mode === 'AccessExclusiveLock');
    expect(waited?.waitedMs).toBeGreaterThan(100);
    expect(waited).toMatchObject({ statement: 'BEGIN; LOCK TABLE public.users' });
  });

  it('leaves out short weak locks, what is new, and other databases', async () => {
    const other = await createTestDatabase(server, { name: 'watch', sql });
    try {
      const { watcher } = await watch();
      const text = `BEGIN; CREATE TABLE new_one (a int); LOCK TABLE new_one;
                    INSERT INTO users VALUES (-1); SELECT pg_sleep(0.2); ROLLBACK`;
      await withSession(db.url, (client) => client.query(text));
      await withSession(other.url, (client) =>
        client.query('BEGIN; LOCK TABLE users; SELECT pg_sleep(0.2); ROLLBACK'),
      );
      const result = await watcher.stop();
      expect(locksOf(result, await names())).toEqual([]);
      expect(JSON.stringify(result.statements)).not.toContain('LOCK TABLE users');
    } finally {
      await other.drop();
    }
  });

  it('goes on when the database is dropped and made anew', async () => {
    const own = await createTestDatabase(server, { name: 'anew', sql: 'CREATE TABLE a (b int)' });
    try {
      const { watcher } = await watch(own.name);
      await admin(`DROP DATABASE ${own.name}`);
      await admin(`CREATE DATABASE ${own.name} TEMPLATE template0`);
      await withSession(own.url, (client) => client.query('SELECT pg_sleep(0.3)'));
      const { statements, problem } = await watcher.stop();
      expect(statements).toMatchObject([{ sql: 'SELECT pg_sleep(0.3)' }]);
      expect(problem).toBeNull();
    } finally {
      await own.drop();
    }
  });

  it('takes no long text whole, and shows no password', async () => {
    const { watcher } = await watch();
    const long = `SELECT pg_sleep(0.3), '${'x'.repeat(900)}'`;
    await withSession(db.url, (client) => client.query(long));
    await withSession(db.url, (client) =>
      client.query(`SELECT pg_sleep(0.3) /* ALTER ROLE a PASSWORD 'hunter2' */`),
    );
    const { statements } = await watcher.stop();
    expect(statements).toHaveLength(2);
    for (const one of statements) expect(one.sql.length).toBeLessThanOrEqual(500);
    expect(JSON.stringify(statements)).not.toContain('hunter2');
  });

  it('sees the locks of others also as a role that may not see what they run', async () => {
    const role = await createTestRole(server);
    try {
      const session = await open(role.urlFor(server.adminUrl));
      const watcher = startWatching(session, { database: db.name });
      await withSession(db.url, (client) =>
        client.query('BEGIN; LOCK TABLE users; SELECT pg_sleep(0.4); ROLLBACK'),
      );
      const result = await watcher.stop();
      expect(locksOf(result, await names())).toMatchObject([
        { object: 'public.users', mode: 'AccessExclusiveLock', statement: null },
      ]);
      expect(result.statements).toEqual([]);
      await session.close();
    } finally {
      await role.drop();
    }
  });

  it('survives a look that fails, and says so', async () => {
    const { session, watcher } = await watch(db.name, 1);
    // Between two samples there is nothing to cancel, so that one request may come to nothing.
    for (let tries = 0; tries < 10; tries += 1) {
      await admin(`SELECT pg_cancel_backend(${session.pid})`);
    }
    await withSession(db.url, (client) => client.query('SELECT pg_sleep(0.3)'));
    const { statements, problem } = await watcher.stop();
    expect(statements.map((one) => one.sql)).toContain('SELECT pg_sleep(0.3)');
    expect(problem ?? 'of the looks').toContain('of the looks');
  });

  it('gives what it has seen when its connection is ended, and says that it is not all', async () => {
    const { session, watcher } = await watch();
    await withSession(db.url, (client) =>
      client.query('BEGIN; LOCK TABLE users; SELECT pg_sleep(0.3); ROLLBACK'),
    );
    await admin(`SELECT pg_terminate_backend(${session.pid})`);
    const gone = `SELECT 1 FROM pg_stat_activity WHERE pid = ${session.pid}`;
    await expect.poll(() => admin(gone), patient).toEqual([]);
    await setTimeout(50);
    const result = await watcher.stop();
    expect(result.problem).toContain('not watched to the end');
    expect(locksOf(result, await names())).toMatchObject([{ object: 'public.users' }]);
    expect(await watcher.stop()).toEqual(result);
  });

  it('knows relations by their number, a TOAST table as its table, and not what is Belay’s', async () => {
    const known = await names();
    const [row] = await withSession(
      db.url,
      async (client) =>
        (
          await client.query(`
            SELECT t.reltoastrelid::int8::int AS toast, i.indexrelid::int8::int AS toast_index
              FROM pg_class t JOIN pg_index i ON i.indrelid = t.reltoastrelid
             WHERE t.oid = 'users'::regclass`)
        ).rows,
    );
    const users = { name: 'public.users', kind: 'table' };
    expect([known.get(row.toast), known.get(row.toast_index)]).toEqual([users, users]);
    const all = [...known.values()].map(({ name, kind }) => `${kind} ${name}`);
    expect([...new Set(all)].sort()).toEqual([
      'index public.users_pkey',
      'materialized view public.kept',
      'sequence public.counter',
      'table public."Odd.""name;\nx"',
      'table public.parts',
      'table public.users',
      'view public.seen',
    ]);
  });
});
