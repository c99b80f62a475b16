import { type Reporter, type RunOptions, silentReporter } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { cancelOnAbort } from '../../postgres/cancel.js';
import { type DataDirectory, locateDataDirectory } from '../../postgres/data-directory.js';
import type { Session } from '../../postgres/session.js';
import { acquireTargetLock, releaseTargetLock } from '../../postgres/target-lock.js';
import { cleanLeftovers, type FoundLeftover } from './leftovers.js';
import type { Target } from './open-target.js';
import { readTimeline, type Timeline } from './timeline.js';

const defaultLockWaitMs = 30_000;

export interface WorkOptions extends RunOptions {
  /** How long to wait for another run on the same target, in milliseconds; default 30 s. */
  readonly lockWaitMs?: number | undefined;
  /** How long busy sessions are waited for with the policy "wait", in milliseconds; default 10 s. */
  readonly sessionsWaitMs?: number | undefined;
}

/** What a feature that changes something works with, while it holds the target's lock. */
export interface Work {
  readonly target: Target;
  readonly main: Session;
  /** Second session: ends sessions, cancels, looks. */
  readonly helper: Session;
  /** As it was when the lock was taken and leftovers had been cleaned. */
  readonly timeline: Timeline;
  /** What an interrupted run had left, cleaned when the lock was taken. */
  readonly cleaned: readonly FoundLeftover[];
  readonly signal: AbortSignal | undefined;
  readonly reporter: Reporter;
  readonly sessionsWaitMs: number | undefined;
}

/**
 * Takes the target's lock, cleans what an interrupted run left, runs the work, and lets go.
 * An abort cancels the statement that runs on the server.
 * @throws BelayError LOCKED; INTERRUPTED or TERMINATED on an abort
 */
export async function underLock<T>(
  target: Target,
  options: WorkOptions,
  work: (work: Work) => Promise<T>,
): Promise<T> {
  const { signal, reporter = silentReporter } = options;
  const { main } = target;
  throwIfAborted(signal);
  const helper = await target.openHelper();
  const stopCancelling = cancelOnAbort(signal, helper, main);
  try {
    // Connecting takes a moment, and an abort in it would have had no listener.
    throwIfAborted(signal);
    await noticeDeath(main);
    await commitDurably(main);
    await acquireTargetLock(main, target.database, {
      waitMs: options.lockWaitMs ?? defaultLockWaitMs,
      signal,
      reporter,
    });
    const found = await readTimeline(main, target.database);
    const cleaned = await cleanLeftovers(main, found, reporter);
    const timeline = cleaned.length === 0 ? found : await readTimeline(main, target.database);
    const { sessionsWaitMs } = options;
    const state = { main, helper, timeline, cleaned };
    return await work({ target, ...state, signal, reporter, sessionsWaitMs });
  } catch (error) {
    throw signal?.aborted ? interruption(signal) : error;
  } finally {
    await stopCancelling();
    await releaseTargetLock(main, target.database).catch(() => {});
    await helper.close();
  }
}

/**
 * Lets the server notice within a second that this process has died, instead of finishing a copy that nobody
 * waits for. Not every platform can; there the copy is finished and cleaned up later.
 */
async function noticeDeath(session: Session): Promise<void> {
  await session
    .execute(`SET client_connection_check_interval = '1s'`, 'setting up')
    .catch(() => {});
}

/**
 * Where the server or the role has `synchronous_commit = off`, a crash shortly after "done" would take back a seal or a
 * swap: the snapshot, without its record, would then look half-made and be removed. `local` waits for no standby.
 */
async function commitDurably(session: Session): Promise<void> {
  await session.query(
    `SELECT set_config('synchronous_commit', 'local', false)
      WHERE current_setting('synchronous_commit') = 'off'`,
    [],
    'setting up',
  );
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interruption(signal);
}

function interruption(signal: AbortSignal): BelayError {
  const terminated = signal.reason === 'SIGTERM';
  return new BelayError(
    terminated ? 'TERMINATED' : 'INTERRUPTED',
    `${terminated ? 'terminated' : 'interrupted'}: nothing half-made was kept`,
    { hint: 'Your database is as it was.' },
  );
}

/** The folder of the target's files, or of the database given instead, where it can be seen from here. */
export function dataDirectoryOf(
  work: Work,
  tablespace: string,
): Promise<DataDirectory | undefined> {
  return locateDataDirectory(work.main, work.target.settings, tablespace);
}
