import type { WriteEvidence } from '../../domain/write-evidence.js';
import { sqlStateOf } from '../pg-error.js';
import type { Session } from '../session.js';
import { readWriteEvidence } from '../write-evidence.js';

/** Where the server was before a migration ran on a copy: whatever is newer was done by it. */
export interface StartMark {
  /** Of the copy; null: it proves nothing, e.g. on PostgreSQL 14 or without track_counts. */
  readonly evidence: WriteEvidence | null;
  /** The server's next transaction id, with its epoch: row versions of the migration have this one or a later one. */
  readonly nextXid: string;
  /** Up to where WAL had been written; null where the role may not know. */
  readonly walLsn: string | null;
}

/** Not allowed to call the function; or the server is in recovery and writes no WAL of its own. */
const withoutLsn = new Set(['42501', '55000']);

/**
 * Reads the mark of a copy which nobody has written to yet, and which has no session.
 * @param session in any database of the copy's server
 * @param oid the copy's
 */
export async function readStartMark(session: Session, oid: number): Promise<StartMark> {
  const walLsn = await readWalLsn(session);
  const evidence = await readWriteEvidence(session, oid);
  // Read after the evidence, and the evidence's own one may be older: neither of them is younger than the first write.
  const { nextXid } = await session.queryOne<{ nextXid: string }>(
    `SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS "nextXid"`,
    [],
    'reading where the migration starts',
  );
  return { evidence, nextXid, walLsn };
}

async function readWalLsn(session: Session): Promise<string | null> {
  try {
    const { lsn } = await session.queryOne<{ lsn: string }>(
      'SELECT pg_current_wal_insert_lsn()::text AS lsn',
      [],
      'reading where the migration starts',
    );
    return lsn;
  } catch (error) {
    if (!withoutLsn.has(sqlStateOf(error) ?? '')) throw error;
    return null;
  }
}
