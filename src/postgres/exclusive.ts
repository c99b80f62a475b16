import { setTimeout as sleep } from 'node:timers/promises';
import {
  adviceOnSessions,
  type DatabaseSession,
  describePrepared,
  describeSession,
  isIdle,
  type SessionPolicy,
} from '../domain/database-session.js';
import { BelayError } from '../errors.js';
import { sqlStateOf } from './pg-error.js';
import { readRights } from './rights.js';
import type { Session } from './session.js';
import {
  holdsDatabaseLock,
  readBlockedBy,
  readDatabaseSessions,
  readPreparedTransactions,
} from './sql/activity.js';

/** How long `wait` gives transactions in progress to end, unless told otherwise. */
const defaultPatienceMs = 10_000;
/**
 * A transaction older than this is waited for *before* the exclusive statement starts. From then on
 * new connections wait, so what remains must be short.
 */
const longTransactionMs = 1000;
/** How long the exclusive statement may hold off new connections while short transactions end. */
const drainMs = 2000;
/** Somebody who reconnects at once is not worth more than some 20 ms: the exclusive statement keeps them out. */
const endAheadRounds = 20;
/** How long a statement may go on after it was cancelled, before it is cancelled again. */
const cancelAgainMs = 1000;
const objectInUse = '55006';
const queryCanceled = '57014';

export interface ExclusiveRequest {
  /** Database that must be without sessions. */
  readonly database: string;
  readonly policy: SessionPolicy;
  /** Session that runs the statement; its backend is cancelled when draining takes too long. */
  readonly main: Session;
  /** Second session: looks, ends sessions, cancels. Never connected to `database`. */
  readonly helper: Session;
  readonly signal?: AbortSignal | undefined;
  /** How long `wait` gives transactions in progress to end; default 10 s. */
  readonly patienceMs?: number | undefined;
  readonly holder?: Holder | undefined;
}

/** Sessions of Belay's own that keep everybody from writing until nobody can come in any more. */
export interface Holder {
  /** Their server processes: not ended, and not in the way. */
  readonly pids: readonly number[];
  /** The process that holds the locks: who waits for it cannot finish, and is ended whatever the policy. */
  readonly pid: number;
  /** How long sessions may take to go, at most. */
  readonly drainMs: number;
  /** Another database that must be without sessions for the same statement; those in it are ended. */
  readonly alsoEmpty: string;
  /**
   * Lets go and closes the sessions. Called once, when the statement holds the database's lock and nobody else is left:
   * whatever was held off until then has no session any more, and new ones wait.
   */
  release(): Promise<void>;
}

export interface ExclusiveResult<T> {
  readonly result: T;
  /** How long new connections were held off: the statement's time, from its lock to its end. */
  readonly outageMs: number;
}

/**
 * Runs a statement that needs a database without sessions (CREATE DATABASE … TEMPLATE, RENAME).
 * PostgreSQL takes the database's lock first and then waits up to 5 s for sessions to go. So the statement
 * is started and, meanwhile, sessions are ended from the helper. New connections wait on the lock instead of
 * failing, and a kill leaves nothing closed behind.
 * @throws BelayError SESSIONS_IN_THE_WAY, PREPARED_TRANSACTIONS
 */
export async function runExclusively<T>(
  request: ExclusiveRequest,
  work: () => Promise<T>,
): Promise<ExclusiveResult<T>> {
  const deadline = performance.now() + (request.patienceMs ?? defaultPatienceMs);
  let outageMs = 0;
  for (;;) {
    await waitForRoom(request, deadline);
    const startedAt = performance.now();
    if (!request.holder) await endAhead(request);
    const attempt = await drainWhile(request, work);
    outageMs += performance.now() - startedAt;
    if ('result' in attempt) return { result: attempt.result, outageMs };
    request.signal?.throwIfAborted();
    if (request.policy === 'fail' || performance.now() >= deadline) throw await inTheWay(request);
  }
}

/** Refuses at once where `fail` would, or where a prepared transaction is in the way. */
export function refuseIfBlocked(request: ExclusiveRequest): Promise<void> {
  return waitForRoom(request, performance.now());
}

/**
 * Waits, without holding anybody off, until only short transactions are left.
 * @throws BelayError SESSIONS_IN_THE_WAY, PREPARED_TRANSACTIONS
 */
export function waitUntilRoom(request: ExclusiveRequest): Promise<void> {
  return waitForRoom(request, performance.now() + (request.patienceMs ?? defaultPatienceMs));
}

/** Before anything is locked: refuses, or waits until no long transaction is left. */
async function waitForRoom(request: ExclusiveRequest, deadline: number): Promise<void> {
  for (;;) {
    request.signal?.throwIfAborted();
    const { sessions, stuck } = await readOthers(request);
    const prepared = await readPreparedTransactions(request.helper, request.database);
    const blocked =
      request.policy === 'fail'
        ? sessions.length > 0
        : request.policy === 'wait' &&
          sessions.some((session) => isWaitedFor(session) && !stuck.has(session.pid));
    if (!blocked && prepared.length === 0) return;
    // Nothing can end a prepared transaction but a decision of its owner, so only `wait` waits for it.
    if (request.policy !== 'wait' || performance.now() >= deadline) throw await inTheWay(request);
    await sleep(100, undefined, { signal: request.signal });
  }
}

/** Nothing can be done about it but wait, and it may take long: new connections must not wait along. */
function isWaitedFor(session: DatabaseSession): boolean {
  const canBeEnded = isIdle(session) && session.mayEnd;
  return !canBeEnded && (session.ageMs ?? Number.POSITIVE_INFINITY) > longTransactionMs;
}

/**
 * PostgreSQL looks for sessions at once and then every 100 ms. Sessions that are gone before the first look
 * spare that wait: measured with a client that reconnects at once, 20 to 35 ms without a connection instead of 115.
 */
async function endAhead(request: ExclusiveRequest): Promise<void> {
  if (request.policy === 'fail') return;
  for (let round = 0; round < endAheadRounds; round += 1) {
    if ((await endSessions(request)) === 0) return;
    await sleep(1);
  }
}

type Attempt<T> = { readonly result: T } | { readonly blocked: true };

async function drainWhile<T>(
  request: ExclusiveRequest,
  work: () => Promise<T>,
): Promise<Attempt<T>> {
  const letGo = releasing(request);
  const longestMs = request.holder?.drainMs ?? drainMs;
  let settled = false;
  let gaveUp = false;
  const running = work().then(
    (result): Attempt<T> => ({ result }),
    (error: unknown): Attempt<T> => {
      if (sqlStateOf(error) === objectInUse) return { blocked: true };
      if (sqlStateOf(error) === queryCanceled && gaveUp) return { blocked: true };
      throw error;
    },
  );
  const settle = () => {
    settled = true;
  };
  const finished = running.then(settle, settle);
  const startedAt = performance.now();
  let quietRounds = 0;
  let canceledAt = Number.NEGATIVE_INFINITY;
  while (!settled) {
    const isClosed = await letGo.isClosedToOthers();
    const remaining = await endSessions(request).catch(() => (request.holder ? 1 : 0));
    quietRounds = remaining === 0 ? quietRounds + 1 : 0;
    const isLate = performance.now() - startedAt > longestMs;
    const mayGiveUp = request.policy === 'wait' || request.holder !== undefined;
    if (mayGiveUp && remaining > 0 && !gaveUp && isLate) {
      gaveUp = true;
      await cancelMain(request);
    }
    if (isClosed && remaining === 0 && !settled && !(await letGo.release())) {
      await cancelMain(request);
    }
    if (request.signal?.aborted && performance.now() - canceledAt > cancelAgainMs) {
      // A cancel that comes before the statement does cancels nothing, and on a busy server so may the second.
      canceledAt = performance.now();
      await cancelMain(request);
    }
    // A copy can take minutes: once the database is empty there is nothing left to watch closely.
    await Promise.race([finished, sleep(quietRounds > 20 ? 250 : request.holder ? 2 : 10)]);
  }
  letGo.throwFailure();
  return running;
}

/** The part of a holder in {@link drainWhile}; without one there is nothing to let go. */
function releasing(request: ExclusiveRequest) {
  const { holder } = request;
  let isReleased = false;
  let failure: { readonly error: unknown } | undefined;
  return {
    /** Asked before looking for sessions: one that got in before the lock shows by then. */
    isClosedToOthers: async () =>
      holder !== undefined &&
      !isReleased &&
      (await holdsDatabaseLock(request.helper, request.main.pid, request.database).catch(
        () => false,
      )),
    /** @returns whether the statement may go on */
    release: async () => {
      isReleased = true;
      await holder?.release().catch((error: unknown) => {
        failure = { error };
      });
      return failure === undefined;
    },
    throwFailure: () => {
      if (failure) throw failure.error;
    },
  };
}

/** Without the helper the statement ends by itself; what must not happen is to go on while it still runs. */
async function cancelMain({ helper, main }: ExclusiveRequest): Promise<void> {
  await helper.query('SELECT pg_cancel_backend($1)', [main.pid]).catch(() => {});
}

/** Sessions that are not the holder's, and which of them can only wait for it. */
async function readOthers({ helper, database, holder }: ExclusiveRequest) {
  const all = await readDatabaseSessions(helper, database);
  if (!holder) return { sessions: all, stuck: new Set<number>() };
  const held = await readBlockedBy(helper, holder.pid);
  const sessions = all.filter(({ pid }) => !holder.pids.includes(pid));
  return { sessions, stuck: new Set(held) };
}

/** Ends what the policy allows to end. @returns how many sessions are still there */
async function endSessions(request: ExclusiveRequest): Promise<number> {
  const { helper, policy, holder } = request;
  const { sessions, stuck } = await readOthers(request);
  const visitors = holder ? await readDatabaseSessions(helper, holder.alsoEmpty) : [];
  for (const session of visitors) {
    if (!holder?.pids.includes(session.pid)) await endSession(helper, session, 'terminate');
  }
  if (policy === 'fail') return sessions.length;
  for (const session of sessions) {
    const isStuck = stuck.has(session.pid);
    if (policy === 'wait' && !isIdle(session) && !isStuck) continue;
    await endSession(helper, session, isStuck ? 'terminate' : policy);
  }
  return sessions.length;
}

async function endSession(helper: Session, session: DatabaseSession, policy: SessionPolicy) {
  // Asked again in the same statement: between looking and ending an idle session may have begun work.
  const guard = policy === 'wait' ? `AND state = 'idle'` : '';
  await helper
    .query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 ${guard}`, [
      session.pid,
    ])
    .catch(() => {
      // Not allowed to end it (42501): it stays, and is named when the time is up.
    });
}

/** The error that names everything that is in the way. */
async function inTheWay(request: ExclusiveRequest): Promise<BelayError> {
  const prepared = await readPreparedTransactions(request.helper, request.database);
  if (prepared.length > 0) {
    return new BelayError(
      'PREPARED_TRANSACTIONS',
      `"${request.database}" has ${prepared.length} prepared transaction(s): ${prepared.slice(0, 5).map(describePrepared).join('; ')}`,
      {
        hint: 'End each with COMMIT PREPARED or ROLLBACK PREPARED, connected to that database; no session owns them.',
        details: { prepared },
      },
    );
  }
  const sessions = await readDatabaseSessions(request.helper, request.database);
  const { role } = await readRights(request.helper);
  return sessionsInTheWay(request, sessions, role);
}

function sessionsInTheWay(
  { database, policy }: ExclusiveRequest,
  sessions: readonly DatabaseSession[],
  role: string,
): BelayError {
  const shown = sessions.slice(0, 5).map(describeSession).join('; ');
  const more = sessions.length > 5 ? ` and ${sessions.length - 5} more` : '';
  const count = sessions.length === 1 ? '1 session is' : `${sessions.length} sessions are`;
  return new BelayError(
    'SESSIONS_IN_THE_WAY',
    `${count} in the way of "${database}": ${shown}${more}`,
    { hint: adviceOnSessions(sessions, policy, role), details: { sessions } },
  );
}
