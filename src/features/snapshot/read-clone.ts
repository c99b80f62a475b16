import type { FingerprintWithModel } from '../../domain/fingerprint.js';
import { reportStep } from '../../domain/reporter.js';
import { type KnownCounts, readFingerprint } from '../../postgres/fingerprint.js';
import type { Session } from '../../postgres/session.js';
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
  const sessions: Session[] = [];
  await openDatabaseToReaders(work.main, database);
  try {
    return await read(async () => {
      const session = await work.target.openDatabase(database);
      sessions.push(session);
      return session;
    });
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
    await closeDatabase(work.main, database);
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
}

/** Fingerprint and size of a clone: schema model, exact rows of every table, sequence values. */
export function countClone(work: Work, order: CountOrder): Promise<CountedClone> {
  const { database, step: name, known } = order;
  return reportStep(work.reporter, { name, detail: database }, () =>
    readingClone(work, database, async (open) => {
      const sessions: Session[] = [];
      const openAndKeep = async () => {
        const session = await open();
        sessions.push(session);
        return session;
      };
      const counted = await readFingerprint(openAndKeep, { signal: work.signal, known });
      const session = sessions[0] ?? (await open());
      const { size } = await session.queryOne<{ size: string }>(
        'SELECT pg_database_size(current_database()) AS size',
      );
      return { ...counted, sizeBytes: Number(size) };
    }),
  );
}
