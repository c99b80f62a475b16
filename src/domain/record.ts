import type { DatabaseProperties } from './properties.js';
import type { CopyMethod, Snapshot } from './snapshot.js';
import type { WriteEvidence } from './write-evidence.js';

/**
 * What Belay writes into the COMMENT of a database that it made. The comment lies in a shared
 * catalog, so it commits together with a rename. `docs/formats.md` promises this format.
 */
export const recordFormat = 1;

/** How a restore, switch or undo put another database into the place of this one. */
export interface ReplacedBy {
  /** OID of the database that took the target's name. */
  readonly oid: number;
  readonly action: 'restore' | 'switch' | 'undo' | 'promote';
  readonly at: string;
  /** The snapshot whose state took the place; null after an undo by renaming. */
  readonly snapshotId: string | null;
  /** Of a promote: what the server had counted in the database that took the place, until then. */
  readonly counted?: CountedWrites | null | undefined;
}

/** What a server's statistics count in the tables of one database. */
export interface CountedWrites {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** When the counting began: two of them can be compared where this is the same. */
  readonly since: string;
}

/**
 * Written on a complete clone; writing it is what seals the clone. A database that Belay made and
 * that has no record is half-made.
 */
export interface CloneRecord {
  readonly kind: 'snapshot';
  readonly snapshot: Omit<Snapshot, 'copies'>;
  readonly method: CopyMethod;
  /** Duration of the copy alone; 0 for a database that was renamed away. Basis of estimates. */
  readonly copyMs: number;
  /** What CREATE DATABASE … TEMPLATE would not bring back. */
  readonly properties: DatabaseProperties;
  /** OID of the database that it is a copy of; its own for one that was renamed away. */
  readonly sourceOid: number;
  readonly replacedBy: ReplacedBy | null;
  /** Databases that were made from this snapshot and took the target's name, newest last. */
  readonly restoredAs: readonly RestoredAs[];
  /** What the server's statistics said when the clone was counted; null where they prove nothing. */
  readonly evidence: WriteEvidence | null;
  /** "branch-base": taken because a branch starts from it; it goes with the last of them. */
  readonly purpose?: 'branch-base' | undefined;
}

export interface RestoredAs {
  readonly oid: number;
  readonly at: string;
  /** From when it was complete and nobody had written to it; null where it proves nothing. */
  readonly evidence: WriteEvidence | null;
}

export function encodeRecord(record: CloneRecord): string {
  return JSON.stringify({ belay: recordFormat, ...record });
}

/** What a comment turned out to be: a record, one of a later Belay, or somebody else's text. */
export type ParsedComment =
  | { readonly type: 'record'; readonly record: CloneRecord }
  | { readonly type: 'newer'; readonly format: number }
  | { readonly type: 'foreign' };

/** Reads a database comment. Never throws: comments are also written by people. */
export function parseComment(comment: string | null): ParsedComment {
  if (!comment?.startsWith('{"belay":')) return { type: 'foreign' };
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(comment);
  } catch {
    return { type: 'foreign' };
  }
  const { belay, ...record } = value;
  if (typeof belay !== 'number') return { type: 'foreign' };
  if (belay > recordFormat) return { type: 'newer', format: belay };
  return isRecord(record) ? { type: 'record', record } : { type: 'foreign' };
}

function isRecord(value: Partial<CloneRecord>): value is CloneRecord {
  return (
    value.kind === 'snapshot' &&
    typeof value.snapshot?.id === 'string' &&
    typeof value.snapshot.tag === 'string' &&
    typeof value.snapshot.createdAt === 'string' &&
    typeof value.snapshot.target?.database === 'string' &&
    typeof value.properties === 'object' &&
    value.properties !== null &&
    typeof value.sourceOid === 'number' &&
    Array.isArray(value.restoredAs)
  );
}

/** The snapshot that a clone's record describes. */
export function snapshotOf(record: CloneRecord, database: string): Snapshot {
  return { ...record.snapshot, copies: [{ type: 'clone', database, method: record.method }] };
}
