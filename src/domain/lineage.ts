import type { CloneRecord, RestoredAs } from './record.js';

export interface BasedOn {
  readonly record: CloneRecord;
  /** When the database was made from the snapshot, or the snapshot from it. */
  readonly since: string;
}

/**
 * The snapshot that a live database is based on: the newest one that was taken from it or that it
 * was restored from. Databases are told apart by OID, which a rename does not change.
 */
export function basedOn(liveOid: number, records: readonly CloneRecord[]): BasedOn | null {
  const candidates = records.flatMap((record): BasedOn[] => [
    ...(record.sourceOid === liveOid ? [{ record, since: record.snapshot.createdAt }] : []),
    ...record.restoredAs
      .filter(({ oid }) => oid === liveOid)
      .map(({ at }) => ({ record, since: at })),
  ]);
  return candidates.sort((a, b) => b.since.localeCompare(a.since))[0] ?? null;
}

/**
 * The record with one more restore noted. Databases that are gone are left out: a snapshot that a test
 * suite restores before every run would otherwise grow by a line each time, for ever.
 * @param existing OIDs of the databases that are still there
 */
export function withRestore(
  record: CloneRecord,
  restored: RestoredAs,
  existing: ReadonlySet<number>,
): CloneRecord {
  const stillThere = record.restoredAs.filter(({ oid }) => existing.has(oid));
  return { ...record, restoredAs: [...stillThere, restored] };
}
