import type { Inventory } from '../../contract/inventory.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { archiveOf } from '../../domain/snapshot.js';

/** A snapshot as lists have it: without the counts of each table, and with the name of its database. */
export function leanSnapshot(database: string, snapshot: Snapshot): object {
  const { fingerprint, ...rest } = snapshot;
  if (fingerprint === null) return { database, ...rest, fingerprint };
  const { rowCounts, sequences, ...sums } = fingerprint;
  return { database, ...rest, fingerprint: sums };
}

/** The newest snapshot whose archive was restored and compared. */
export function lastProven({ snapshots }: Inventory): ProvenSnapshot | null {
  let newest: ProvenSnapshot | null = null;
  for (const snapshot of snapshots) {
    const drill = archiveOf(snapshot)?.drill;
    if (drill?.status !== 'proven') continue;
    if (newest && newest.at >= snapshot.createdAt) continue;
    newest = { id: snapshot.id, tag: snapshot.tag, at: snapshot.createdAt, provenAt: drill.at };
  }
  return newest;
}

export interface ProvenSnapshot {
  readonly id: string;
  readonly tag: string;
  /** The moment that it would bring back. */
  readonly at: string;
  /** When it was proven last. */
  readonly provenAt: string | null;
}
