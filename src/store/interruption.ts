import type { Readable } from 'node:stream';
import { BelayError } from '../errors.js';

/** What a call throws whose signal was aborted. */
export function interruption(signal: AbortSignal): BelayError {
  const { reason } = signal;
  if (reason instanceof BelayError) return reason;
  const terminated = reason === 'SIGTERM';
  return new BelayError(
    terminated ? 'TERMINATED' : 'INTERRUPTED',
    `${terminated ? 'terminated' : 'interrupted'} while working with the store`,
    { hint: 'What was being written does not count: it was not sealed.' },
  );
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interruption(signal);
}

/** Rejects at once when the signal is aborted, also where the work itself does not look at it. */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (!signal) return work;
  // Its end is nobody's business any more when the signal comes first.
  work.catch(() => {});
  throwIfAborted(signal);
  let stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(interruption(signal));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Ends a stream when the signal is aborted. */
export function endOnAbort(stream: Readable, signal: AbortSignal | undefined): () => void {
  const stop = () => signal && stream.destroy(interruption(signal));
  signal?.addEventListener('abort', stop, { once: true });
  return () => signal?.removeEventListener('abort', stop);
}
