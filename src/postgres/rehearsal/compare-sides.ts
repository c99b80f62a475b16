import type { Session } from '../session.js';
import type { StartMark } from './start-mark.js';

/** A database before and after a migration, to which nobody else has a session. */
export interface StateSides {
  readonly before: Session;
  readonly after: Session;
  /** A second session after, to read with; the same one each time. */
  readonly openHelper: () => Promise<Session>;
  readonly mark: StartMark | null;
  /** Rows shown of each table. */
  readonly sampleLimit: number;
  readonly signal: AbortSignal | undefined;
}

/** Waits for both, whatever becomes of one: a session must be idle before anybody uses it again. */
export async function bothSides<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const [left, right] = await Promise.allSettled([a, b]);
  if (left.status === 'rejected') throw left.reason;
  if (right.status === 'rejected') throw right.reason;
  return [left.value, right.value];
}

export function* chunksOf<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size);
}
