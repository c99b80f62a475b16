import type { Session } from './session.js';

/**
 * Cancels what sessions of a server run right now, from another session. Closing a connection instead would leave
 * its query running to the end, which keeps a database in use for as long.
 */
export async function cancelQueries(
  openSession: () => Promise<Session>,
  running: Iterable<Session>,
): Promise<void> {
  const pids = [...running].map(({ pid }) => pid);
  if (pids.length === 0) return;
  const session = await openSession();
  await session.query('SELECT pg_cancel_backend(pid) FROM unnest($1::int[]) pid', [pids]);
}

/**
 * Lets an abort cancel what a session runs, through another session.
 * @returns ends that. Resolves when a cancel that is under way has arrived: one that came later would end the session's next statement
 */
export function cancelOnAbort(
  signal: AbortSignal | undefined,
  canceller: Session,
  running: Session,
): () => Promise<void> {
  let arriving: Promise<unknown> | undefined;
  const cancel = () => {
    arriving = canceller.query('SELECT pg_cancel_backend($1)', [running.pid]).catch(() => {});
  };
  signal?.addEventListener('abort', cancel);
  return async () => {
    signal?.removeEventListener('abort', cancel);
    await arriving;
  };
}
