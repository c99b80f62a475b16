import { setTimeout } from 'node:timers/promises';
import type { Session } from '../../postgres/session.js';

export interface Limits {
  readonly signal: AbortSignal | undefined;
  /** In milliseconds; undefined: none. */
  readonly timeoutMs: number | undefined;
}

const betweenCancelsMs = 250;

/** Code that catches its own cancellation is ended with its connection. */
const mostCancels = 8;

/**
 * Runs work of a session, and ends it on an abort or when its time is up: what runs on the server is cancelled, again and again, as one
 * request may come between two statements.
 * @param helper a session on the same server
 * @param work is told by its signal to begin nothing more
 */
export async function endingOnAbort<T>(
  helper: Session,
  session: Session,
  { signal, timeoutMs }: Limits,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<{ readonly result: T; readonly timedOut: boolean }> {
  const done = new AbortController();
  const ended = new AbortController();
  let timedOut = false;
  const end = () => {
    if (!done.signal.aborted) ended.abort();
  };
  const timer =
    timeoutMs === undefined
      ? undefined
      : globalThis.setTimeout(() => {
          timedOut = true;
          end();
        }, timeoutMs);
  let cancelling: Promise<void> | undefined;
  ended.signal.addEventListener('abort', () => {
    cancelling = cancelUntil(done.signal, helper, session.pid);
  });
  signal?.addEventListener('abort', end);
  if (signal?.aborted) end();
  try {
    return { result: await work(ended.signal), timedOut };
  } finally {
    done.abort();
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
    // A request on its way would hit what the session does next.
    await cancelling;
  }
}

async function cancelUntil(done: AbortSignal, helper: Session, pid: number): Promise<void> {
  for (let count = 0; !done.aborted; count += 1) {
    const how = count < mostCancels ? 'pg_cancel_backend' : 'pg_terminate_backend';
    await helper.query(`SELECT ${how}($1)`, [pid], 'ending a statement').catch(() => {});
    await setTimeout(betweenCancelsMs, undefined, { signal: done }).catch(() => {});
  }
}
