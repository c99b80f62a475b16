import type { CloneRecord } from './record.js';

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
