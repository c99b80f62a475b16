import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionPolicy } from '../../domain/database-session.js';
import { reportStep } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { waitUntilRoom } from '../../postgres/exclusive.js';
import { type HeldWriters, holdWriters, letWritersGo } from '../../postgres/hold-writers.js';
import type { Session } from '../../postgres/session.js';
import { readLockableTables } from '../../postgres/sql/table-locks.js';
import { exclusiveRequest, type SwapRequest, swapHeld } from '../snapshot/swap.js';
import type { Clone } from '../target/timeline.js';
import type { Work } from '../target/work.js';

/** Tries to get all the rest over within the outage that was allowed. */
const attempts = 3;
/** What ending sessions and renaming may take at least, whatever the last sync has left of the time. */
const shortestDrainMs = 700;
/** PostgreSQL's own limit for a rename that waits for sessions to go. */
const longestDrainMs = 4500;

/** Sessions in the two databases, while nobody else can write. */
export interface HeldSessions {
  /** In the target; holds the locks. */
  readonly source: Session;
  readonly shadow: Session;
  /** Aborted when the outage has become too long. */
  readonly signal: AbortSignal;
}

export interface SwitchOrder<Brought, Last> {
  readonly work: Work;
  readonly request: SwapRequest & { readonly previousName: string };
  /** What the replaced database is recorded as. */
  readonly previous: (last: Last) => Clone;
  readonly policy: SessionPolicy;
  /** Longest time in which nobody can write, in milliseconds. */
  readonly maxOutageMs: number;
  /**
   * Just before writers are held off, by the same sessions: leaves as little as possible for the time without writers, and
   * the two know by then what they have to do (a new session reads catalogs for long).
   */
  readonly catchUp: (both: Omit<HeldSessions, 'signal'>) => Promise<void>;
  /** Brings over what was committed before the writers were held off. Commits in the shadow. */
  readonly bringLast: (held: HeldSessions) => Promise<Brought>;
  /** When nobody but the two sessions is left and nobody can come in: what no lock on tables covers. */
  readonly whenAlone: (held: HeldSessions) => Promise<Last>;
}

export interface Switched<Brought, Last> {
  readonly brought: Brought;
  readonly last: Last;
  /** From when nobody could write to when the renames were committed. */
  readonly outageMs: number;
  /** The same, with attempts that came to nothing. */
  readonly writersHeldMs: number;
  /** How long new connections waited. */
  readonly connectionsHeldMs: number;
  readonly attempts: number;
}

/**
 * Holds writers off, brings the last changes over, and swaps the two databases while nobody can write: writers are let go only
 * when the renaming transaction has the database's lock and no session is left in it. Whatever fails before the commit of the
 * renames leaves the target as it was, with its writers.
 * @throws BelayError SESSIONS_IN_THE_WAY, and what the steps throw
 */
export async function switchOver<Brought, Last>(
  order: SwitchOrder<Brought, Last>,
): Promise<Switched<Brought, Last>> {
  let heldMs = 0;
  for (let attempt = 1; ; attempt += 1) {
    await waitUntilRoom(exclusiveRequest(order.work, order.policy));
    const tried = await attemptOnce(order);
    heldMs += tried.heldMs;
    if ('done' in tried) return { ...tried.done, writersHeldMs: heldMs, attempts: attempt };
    order.work.signal?.throwIfAborted();
    if (attempt === attempts || !isWorthAnother(tried.error)) throw tried.error;
    const why = tried.error instanceof Error ? tried.error.message : String(tried.error);
    order.work.reporter({
      type: 'note',
      message: `writers were held off for ${Math.round(tried.heldMs)} ms and go on: ${why}; trying again`,
    });
  }
}

/** The outage would have become too long, or somebody was in the way: both may be otherwise a moment later. */
function isWorthAnother(error: unknown): boolean {
  return (
    error instanceof BelayError && ['OUTAGE_TOO_LONG', 'SESSIONS_IN_THE_WAY'].includes(error.code)
  );
}

type Tried<Brought, Last> = { readonly heldMs: number } & (
  | { readonly done: Omit<Switched<Brought, Last>, 'writersHeldMs' | 'attempts'> }
  | { readonly error: unknown }
);

async function attemptOnce<Brought, Last>(
  order: SwitchOrder<Brought, Last>,
): Promise<Tried<Brought, Last>> {
  const { work, request, policy, maxOutageMs } = order;
  const source = await work.target.openDatabase(work.target.database);
  let shadow: Session | undefined;
  let held: HeldWriters | undefined;
  const heldMs = () => (held ? performance.now() - held.since + held.inVainMs : 0);
  try {
    shadow = await work.target.openDatabase(request.incoming.name);
    const both = [source, shadow];
    for (const session of both) await endWithUs(session, maxOutageMs);
    await order.catchUp({ source, shadow });
    held = await reportStep(work.reporter, { name: 'hold writers off' }, () =>
      holdWriters(source, {
        ...{ policy, helper: work.helper, signal: work.signal },
        patienceMs: work.sessionsWaitMs,
      }),
    );
    const done = await whileHeld(order, { source, shadow }, held);
    return { done, heldMs: heldMs() };
  } catch (error) {
    return { error, heldMs: heldMs() };
  } finally {
    await letWritersGo(source);
    await source.close();
    await shadow?.close();
  }
}

/** What keeps others from writing must not outlive this process, and not a broken network by much. */
async function endWithUs(session: Session, maxOutageMs: number): Promise<void> {
  const limit = maxOutageMs + 10_000;
  await session.execute(`SET idle_in_transaction_session_timeout = ${limit}`, 'setting up');
  await session
    .execute(`SET client_connection_check_interval = '1s'`, 'setting up')
    // Not every platform can.
    .catch(() => {});
}

async function whileHeld<Brought, Last>(
  order: SwitchOrder<Brought, Last>,
  both: { readonly source: Session; readonly shadow: Session },
  held: HeldWriters,
): Promise<Omit<Switched<Brought, Last>, 'writersHeldMs' | 'attempts'>> {
  const { work, request, previous, maxOutageMs } = order;
  const limit = outageLimit(work, both, held.since + maxOutageMs);
  try {
    const sessions = { ...both, signal: limit.signal };
    const brought = await reportStep(work.reporter, { name: 'bring the last changes over' }, () =>
      order.bringLast(sessions),
    );
    work.reporter({ type: 'step', name: 'swap', detail: work.target.database });
    const remainingMs = held.since + maxOutageMs - performance.now();
    let last: { readonly value: Last } | undefined;
    const record = () => previous((last as { readonly value: Last }).value);
    const { outageMs: connectionsHeldMs } = await swapHeld(work, request, record, {
      pid: both.source.pid,
      pids: [both.source.pid, both.shadow.pid],
      drainMs: Math.min(longestDrainMs, Math.max(shortestDrainMs, remainingMs)),
      alsoEmpty: request.incoming.name,
      release: async () => {
        limit.stop();
        await refuseNewTables(both.source, held);
        last = { value: await order.whenAlone(sessions) };
        await both.shadow.close();
        await waitUntilGone(work.helper, both.shadow.pid);
        await both.source.close();
      },
    });
    const outageMs = performance.now() - held.since;
    work.reporter({ type: 'step-done', name: 'swap', durationMs: connectionsHeldMs });
    if (!last) throw new BelayError('BUG', 'the databases were swapped without letting go');
    return { brought, last: last.value, outageMs, connectionsHeldMs };
  } catch (error) {
    throw limit.isPassed() ? tooLong(order, error) : error;
  } finally {
    limit.stop();
  }
}

/** Cancels what the two sessions do when the time is up. */
function outageLimit(
  work: Work,
  both: { readonly source: Session; readonly shadow: Session },
  deadline: number,
) {
  const controller = new AbortController();
  let isPassed = false;
  const cancel = () => {
    controller.abort(work.signal?.reason);
    const pids = [both.source.pid, both.shadow.pid];
    work.helper
      .query('SELECT pg_cancel_backend(pid) FROM unnest($1::int[]) pid', [pids])
      .catch(() => {});
  };
  const timer = setTimeout(
    () => {
      isPassed = true;
      cancel();
    },
    Math.max(0, deadline - performance.now()),
  );
  work.signal?.addEventListener('abort', cancel);
  return {
    signal: controller.signal,
    isPassed: () => isPassed,
    stop: () => {
      clearTimeout(timer);
      work.signal?.removeEventListener('abort', cancel);
    },
  };
}

function tooLong({ maxOutageMs }: { maxOutageMs: number }, cause: unknown): BelayError {
  return new BelayError(
    'OUTAGE_TOO_LONG',
    `bringing the last changes over took longer than the ${maxOutageMs} ms for which writers may be held off`,
    {
      hint: 'Nothing was replaced, and writers go on. Allow more with --max-outage, try at a quieter time, or make the shadow with logical replication.',
      cause,
    },
  );
}

/** A table that was made after the locks were taken is in no lock, and what was written to it in no sync. */
async function refuseNewTables(source: Session, held: HeldWriters): Promise<void> {
  const locked = new Set(held.tables.map(({ oid }) => oid));
  const now = await readLockableTables(source);
  const added = now.find(({ oid }) => !locked.has(oid));
  if (!added && now.length === locked.size) return;
  throw new BelayError(
    'SCHEMA_CHANGED',
    `tables were made or dropped during the promote${added ? `: ${added.schema}.${added.name}` : ''}`,
    { hint: 'Nothing was replaced. Abort the shadow and create it again from the new schema.' },
  );
}

/** A session that is not quite gone would delay the rename of its database by 100 ms. */
async function waitUntilGone(helper: Session, pid: number): Promise<void> {
  for (let round = 0; round < 200; round += 1) {
    const rows = await helper.query('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [pid]);
    if (rows.length === 0) return;
    await sleep(2);
  }
}
