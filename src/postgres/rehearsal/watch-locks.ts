import { setTimeout } from 'node:timers/promises';
import { LockSamples, type WatchResult } from '../../domain/rehearsal-locks.js';
import { toBelayError } from '../../errors.js';
import type { Session } from '../session.js';
import { prepareLockSamples } from './watch-sample.js';

export type { WatchResult } from '../../domain/rehearsal-locks.js';

export interface WatchOptions {
  /** The database that is watched, by name: it may be dropped and made anew meanwhile. */
  readonly database: string;
  /** Between the beginnings of two samples; default 10 ms. On a busy server it takes longer. */
  readonly intervalMs?: number | undefined;
}

export interface Watcher {
  /** Takes a last sample and gives what was seen. Never fails; called again it gives the same. */
  stop(): Promise<WatchResult>;
}

const defaultIntervalMs = 10;

/** A session that is gone does not come back, and a server that refuses a sample many times will go on to. */
const mostFailures = 50;

/**
 * Watches locks on user relations and running statements of a database, in samples, until it is stopped. Locks that come and go
 * between two samples are not seen.
 *
 * @param session for this alone, on another database than the watched one; the caller closes it, after `stop`
 * @example
 * const watcher = startWatching(session, { database: 'copy' });
 * // … a migration runs …
 * const { locks, sampleIntervalMs } = await watcher.stop();
 */
export function startWatching(session: Session, options: WatchOptions): Watcher {
  const { database, intervalMs = defaultIntervalMs } = options;
  const samples = new LockSamples();
  const stopping = new AbortController();
  let look: Awaited<ReturnType<typeof prepareLockSamples>> | undefined;
  let failures = 0;
  let problem: string | null = null;

  const sample = async (): Promise<boolean> => {
    try {
      look ??= await prepareLockSamples(session);
      samples.add(await look(database));
      return true;
    } catch (error) {
      failures += 1;
      const { code, message } = toBelayError(error);
      const isOver = code === 'SERVER_GONE' || failures >= mostFailures;
      problem = isOver
        ? `locks and statements were not watched to the end: ${message}`
        : `${failures} of the looks at locks and statements failed, the last one: ${message}`;
      return !isOver;
    }
  };
  const watch = async (): Promise<WatchResult> => {
    let goesOn = true;
    while (goesOn && !stopping.signal.aborted) {
      const startedAt = performance.now();
      goesOn = await sample();
      const restMs = Math.max(0, intervalMs - (performance.now() - startedAt));
      await setTimeout(restMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
    if (goesOn) await sample();
    return samples.result(problem);
  };
  const done = watch();
  return {
    stop: () => {
      stopping.abort();
      return done;
    },
  };
}
