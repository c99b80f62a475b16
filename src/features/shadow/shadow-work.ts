import type { Reporter } from '../../domain/reporter.js';
import type { ShadowRecord } from '../../domain/shadow.js';
import { cancelQueries } from '../../postgres/cancel.js';
import type { Session } from '../../postgres/session.js';
import type { Work } from '../target/work.js';
import type { FoundShadow } from './find-shadow.js';

/** What bringing rows over works with. */
export interface ShadowWork {
  /** On the target. */
  readonly source: Session;
  /** On the shadow. */
  readonly shadow: Session;
  readonly record: ShadowRecord;
  /** The shadow's name. */
  readonly database: string;
  readonly signal: AbortSignal | undefined;
  readonly reporter: Reporter;
}

/** Opens both databases for as long as the work lasts. An abort cancels what runs in them. */
export async function withShadowWork<T>(
  { target, signal, reporter }: Work,
  found: FoundShadow,
  work: (work: ShadowWork) => Promise<T>,
): Promise<T> {
  const sessions: Session[] = [];
  const open = async (database: string) => {
    const session = await target.openDatabase(database);
    sessions.push(session);
    return session;
  };
  let canceller: Session | undefined;
  const cancel = () => {
    const session = canceller;
    if (session) cancelQueries(async () => session, sessions).catch(() => {});
  };
  try {
    canceller = await target.openHelper();
    const source = await open(target.database);
    const shadow = await open(found.database);
    signal?.addEventListener('abort', cancel);
    signal?.throwIfAborted();
    const { record, database } = found;
    return await work({ source, shadow, record, database, signal, reporter });
  } finally {
    signal?.removeEventListener('abort', cancel);
    await Promise.all(sessions.map((session) => session.close()));
    await canceller?.close();
  }
}
