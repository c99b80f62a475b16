import type { SchemaModel } from './schema-model.js';

/** The last value of a sequence and whether it was handed out. `lastValue` is a bigint as text. */
export interface SequenceValue {
  readonly lastValue: string;
  readonly isCalled: boolean;
}

/** What two copies must share to be called equal: schema checksum, exact row counts, sequence values. */
export interface Fingerprint {
  /** SHA-256 of the schema model, hexadecimal. */
  readonly schemaChecksum: string;
  /** Number of ordinary tables (partitions each count, their partitioned parent does not). */
  readonly tables: number;
  /** Sum of all row counts. */
  readonly rows: number;
  /** Exact rows of each table, by "schema.table", sorted by name. */
  readonly rowCounts: Readonly<Record<string, number>>;
  /** Value of each sequence, by "schema.sequence", sorted by name. */
  readonly sequences: Readonly<Record<string, SequenceValue>>;
}

/** One thing in which two fingerprints differ. */
export interface FingerprintDifference {
  readonly what: 'schema' | 'rows' | 'sequence';
  /** The table or sequence, or "schema" for the checksum. */
  readonly name: string;
  readonly expected: string;
  readonly actual: string;
}

export type FingerprintWithModel = {
  readonly fingerprint: Fingerprint;
  readonly model: SchemaModel;
};
