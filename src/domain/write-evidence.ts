/**
 * What the server's statistics say about writes to a database, at one moment at which it had no sessions (so that
 * nothing is still to be added). Two of them prove that nothing was written in between, without
 * reading a single row.
 */
export interface WriteEvidence {
  /** When the server last lost or reset its statistics; a crash does that. */
  readonly serverReset: string;
  /** When the database's own statistics were last reset. */
  readonly databaseReset: string | null;
  /** Rows inserted, updated and deleted since then, catalogs included: DDL and TRUNCATE are updates there. */
  readonly writes: string;
  /** The server's next transaction id, with its epoch. */
  readonly nextXid: string;
}

/** Whether both were counted from the same start, so that they can be compared at all. */
export function sameStatistics(a: WriteEvidence, b: WriteEvidence): boolean {
  return a.serverReset === b.serverReset && a.databaseReset === b.databaseReset;
}

/** Whether certainly nothing was written between the two. Where the statistics were lost, the answer is no. */
export function nothingWritten(before: WriteEvidence, after: WriteEvidence): boolean {
  return sameStatistics(before, after) && before.writes === after.writes;
}
