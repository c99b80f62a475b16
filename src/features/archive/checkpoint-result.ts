import type { DrillDifference } from '../../domain/drill.js';
import type { LedgerHead } from '../../domain/ledger.js';
import type { Snapshot } from '../../domain/snapshot.js';

export interface CheckpointResult {
  /** Whether what was asked for was done: sealed, and proven unless no drill was wanted. */
  readonly ok: boolean;
  readonly tag: string;
  /** Of the archive in the store, for people: "412.3 MB". */
  readonly size: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly restore_drill: 'proven' | 'failed' | 'not-run';
  readonly rows: number;
  readonly tables: number;
  /** The snapshot that the archive is; of a failed drill under another tag, so that the tag stays free. */
  readonly snapshot: Snapshot;
  readonly durationMs: number;
  /** What the restored copy does not share with the source; empty where it is proven. */
  readonly differences: readonly DrillDifference[];
  /** Of the ledger, to be noted elsewhere. */
  readonly ledger: LedgerHead;
}
