import type { FingerprintWithModel } from '../../domain/fingerprint.js';
import { reportStep } from '../../domain/reporter.js';
import { type KnownCounts, readFingerprint } from '../../postgres/fingerprint.js';
import type { Session } from '../../postgres/session.js';
import { settleSequences } from '../../postgres/settle-sequences.js';
import { closeDatabase, openDatabaseToReaders } from '../target/leftovers.js';
import type { Work } from '../target/work.js';

type OpenSession = () => Promise<Session>;

/**
 * Opens a closed clone to this process for as long as it reads. Every session that was opened is closed
 * before the clone is, and the wait at the end makes sure that none lingers: a lingering one would
 * delay the next rename or copy by PostgreSQL's 100 ms steps.
 */
export async function readingClone<T>(
  work: Pick<Work, 'main' | 'target'>,
  database: string,
  read: (open: OpenSession) => Promise<T>,
): Promise<T> {
  await openDatabaseToReaders(work.main, database);
  try {
    return await closingSessions(() => work.target.openDatabase(database), read);
  } finally {
    await closeDatabase(work.main, database);
  }
}

/**
 * Closes every session that `read` has opened, also one that is still being opened: an abort opens one to cancel the
 * queries of the others, and nobody waits for it. Left open it would keep the process from ending.
 */
export async function closingSessions<T>(
  open: OpenSession,
  read: (open: OpenSession) => Promise<T>,
): Promise<T> {
  const opened: Promise<Session>[] = [];
  try {
    return await read(() => {
      const session = open();
      opened.push(session);
      return session;
    });
  } finally {
    const settled = await Promise.allSettled(opened);
    await Promise.all(
      settled.map((result) => (result.status === 'fulfilled' ? result.value.close() : undefined)),
    );
  }
}

export interface CountedClone extends FingerprintWithModel {
  /** Logical size, in bytes. */
  readonly sizeBytes: number;
}

export interface CountOrder {
  readonly database: string;
  /** e.g. "verify": the step's name for people. */
  readonly step: string;
  /** What need not be counted again. */
  readonly known?: ((session: Session) => Promise<KnownCounts>) | undefined;
  /** The database has been, or will be, in use: see {@link settleSequences}. */
  readonly settle?: boolean | undefined;
}

/** Fingerprint and size of a clone: schema model, exact rows of every table, sequence values. */
export function countClone(work: Work, order: CountOrder): Promise<CountedClone> {
  const { database, step: name, known } = order;
  return reportStep(work.reporter, { name }, () =>
    readingClone(work, database, async (open) => {
      const sessions: Session[] = [];
      const openAndKeep = async () => {
        const session = await open();
        sessions.push(session);
        return session;
      };
      if (order.settle) await settle(work, await openAndKeep());
      const openOrReuse = reusing(sessions[0], openAndKeep);
      const counted = await readFingerprint(openOrReuse, { signal: work.signal, known });
      const session = sessions[0] ?? (await open());
      const { size } = await session.queryOne<{ size: string }>(
        'SELECT pg_database_size(current_database()) AS size',
      );
      return { ...counted, sizeBytes: Number(size) };
    }),
  );
}

/** Hands out a session that is open already before it opens others. */
function reusing(session: Session | undefined, open: OpenSession): OpenSession {
  let idle = session;
  return async () => {
    const first = idle;
    idle = undefined;
    return first ?? open();
  };
}

async function settle(work: Work, session: Session): Promise<void> {
  const left = await settleSequences(session);
  if (left.length === 0) return;
  work.reporter({
    type: 'warning',
    message: `the role may not set ${left.length} sequence(s), e.g. ${left[0]}: if the server crashes before its next checkpoint, they may hand out values again`,
  });
}
