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

const printSequence = ({ lastValue, isCalled }: SequenceValue): string =>
  isCalled ? lastValue : `${lastValue} (not used yet)`;

/** Names of both records, by code unit. */
const allNames = (a: object, b: object): string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();

/**
 * What differs between two fingerprints: the schema, tables by rows, sequences by value. A table or
 * sequence that one side lacks is "none" there.
 */
export function compareFingerprints(
  expected: Fingerprint,
  actual: Fingerprint,
): FingerprintDifference[] {
  const differences: FingerprintDifference[] = [];
  const compare = (what: FingerprintDifference['what'], name: string, a?: string, b?: string) => {
    if (a !== b) differences.push({ what, name, expected: a ?? 'none', actual: b ?? 'none' });
  };
  compare('schema', 'schema', expected.schemaChecksum, actual.schemaChecksum);
  for (const name of allNames(expected.rowCounts, actual.rowCounts)) {
    compare('rows', name, expected.rowCounts[name]?.toString(), actual.rowCounts[name]?.toString());
  }
  const printed = (sequence: SequenceValue | undefined) => sequence && printSequence(sequence);
  for (const name of allNames(expected.sequences, actual.sequences)) {
    compare('sequence', name, printed(expected.sequences[name]), printed(actual.sequences[name]));
  }
  return differences;
}
