import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reporter } from '../domain/reporter.js';
import { BelayError } from '../errors.js';
import type { Session } from './session.js';

/** "BLAY": keeps Belay's advisory locks apart from those of other programs. */
const lockClass = 0x424c4159;
const pollMs = 100;

/** In whichever database it is held. */
const isTargetLock = `l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
        AND l.classid = $1::int8::oid AND l.objid = $2::int8::oid`;

function lockKey(database: string): number {
  return createHash('sha256').update(database).digest().readInt32BE(0);
}

/**
 * Takes the one advisory lock of a target on the session that will do the work. It is the server's
 * own: it lasts exactly as long as what this session does there, so a Belay that was killed while
 * the server still copies keeps the others out until the server has finished.
 * @throws BelayError LOCKED naming the holder, after `waitMs`
 */
export async function acquireTargetLock(
  session: Session,
  database: string,
  options: {
    readonly waitMs: number;
    readonly signal?: AbortSignal | undefined;
    readonly reporter: Reporter;
  },
): Promise<void> {
  const key = lockKey(database);
  const deadline = performance.now() + options.waitMs;
  for (let attempt = 0; ; attempt += 1) {
    const { locked } = await session.queryOne<{ locked: boolean }>(
      'SELECT pg_try_advisory_lock($1, $2) AS locked',
      [lockClass, key],
    );
    if (locked && (await findHolder(session, key)) === undefined) return;
    // Advisory locks hold within one database, and another run may work from another one (--maintenance-db). Whoever
    // sees the other lets go; of two that come at once both may, so the next tries must not come at once again.
    if (locked) await releaseTargetLock(session, database);
    if (performance.now() >= deadline)
      throw await lockedError(session, database, key, options.waitMs);
    if (attempt === 5) {
      const holder = await readHolder(session, key);
      options.reporter({ type: 'note', message: `waiting for ${holder}` });
    }
    await sleep(pollMs * (0.5 + Math.random()), undefined, { signal: options.signal });
  }
}

export async function releaseTargetLock(session: Session, database: string): Promise<void> {
  await session.query('SELECT pg_advisory_unlock($1, $2)', [lockClass, lockKey(database)]);
}

/**
 * Refuses where the session does not hold the lock any more: somebody has released it, or a pooler gives each
 * transaction another session of the server. Asked where losing it would matter most, in the swap.
 * @throws BelayError LOCKED
 */
export async function checkTargetLock(session: Session, database: string): Promise<void> {
  const rows = await session.query(
    `SELECT 1 FROM pg_locks l WHERE l.pid = pg_backend_pid() AND ${isTargetLock}`,
    [lockClass, lockKey(database) >>> 0],
  );
  if (rows.length > 0) return;
  throw new BelayError('LOCKED', `the lock on "${database}" was lost while working on it`, {
    hint: 'Nothing was replaced. Connect to PostgreSQL itself: a pooler in transaction mode cannot hold a lock.',
  });
}

/** Who else works on the target now, for people; undefined: nobody. Asks without waiting. */
export async function readLockHolder(
  session: Session,
  database: string,
): Promise<string | undefined> {
  return findHolder(session, lockKey(database));
}

async function readHolder(session: Session, key: number): Promise<string> {
  return (await findHolder(session, key)) ?? 'another run of Belay';
}

async function findHolder(session: Session, key: number): Promise<string | undefined> {
  const [row] = await session.query<{ pid: number; app: string; user: string; since: string }>(
    `SELECT a.pid, a.application_name AS app, a.usename::text AS user,
            to_char(a.backend_start AT TIME ZONE 'UTC', 'HH24:MI:SS') || ' UTC' AS since
       FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE l.pid <> pg_backend_pid() AND ${isTargetLock}`,
    [lockClass, key >>> 0],
  );
  if (!row) return undefined;
  return `"${row.app}" (server process ${row.pid}, user ${row.user}, connected since ${row.since})`;
}

async function lockedError(session: Session, database: string, key: number, waitMs: number) {
  const holder = await readHolder(session, key);
  return new BelayError(
    'LOCKED',
    `"${database}" is being worked on by ${holder}; waited ${Math.round(waitMs / 1000)} s`,
    { hint: 'Run it again when that has finished, or wait longer with --lock-wait.' },
  );
}
