import {
  compareFingerprints,
  type Fingerprint,
  type FingerprintDifference,
} from './fingerprint.js';
import type { DrillRecord, Requirements, SequenceRange } from './manifest.js';
import { compareSchemas, type SchemaModel } from './schema-model.js';

/** One thing in which a restored archive differs from its source, or why it could not be restored. */
export interface DrillDifference {
  readonly what: FingerprintDifference['what'] | 'content' | 'extension' | 'restore' | 'bytes';
  readonly name: string;
  readonly expected: string;
  readonly actual: string;
}

export interface DrillResult extends DrillRecord {
  readonly status: 'proven' | 'failed';
  readonly differences: readonly DrillDifference[];
}

/** What a restored copy is compared with. */
export interface Expectation {
  /** Null for a file from elsewhere: nobody knows what it should hold. */
  readonly fingerprint: Fingerprint | null;
  /** Says what differs where the checksums do; null where only the checksum is known. */
  readonly model: SchemaModel | null;
  readonly movedSequences: Readonly<Record<string, SequenceRange>>;
  readonly contentHashes: Readonly<Record<string, string>> | null;
}

/** What was read in the restored copy. */
export interface Restored {
  readonly fingerprint: Fingerprint;
  readonly model: SchemaModel;
  readonly contentHashes: Readonly<Record<string, string>> | null;
  /** What the restored database was found to need; null where that was not asked. */
  readonly requires?: Requirements | null;
}

/** Everything in which the copy differs. */
export function compareRestored(expected: Expectation, actual: Restored): DrillDifference[] {
  if (!expected.fingerprint) return [];
  const found = compareFingerprints(expected.fingerprint, actual.fingerprint)
    .filter((difference) => !isWithinRange(difference, expected.movedSequences, actual))
    .flatMap((difference) =>
      difference.what === 'schema' ? schemaDifferences(difference, expected, actual) : [difference],
    );
  return [...found, ...contentDifferences(expected.contentHashes, actual.contentHashes)];
}

/**
 * A sequence that moved while it was dumped may have any of the values in between: pg_dump reads it at a moment
 * of its own, because sequences take no part in transactions.
 */
function isWithinRange(
  { what, name }: FingerprintDifference,
  moved: Expectation['movedSequences'],
  { fingerprint }: Restored,
): boolean {
  const range = moved[name];
  const value = fingerprint.sequences[name]?.lastValue;
  if (what !== 'sequence' || !range || value === undefined) return false;
  const [from, to, at] = [BigInt(range.from), BigInt(range.to), BigInt(value)];
  const [low, high] = from < to ? [from, to] : [to, from];
  return low <= at && at <= high;
}

const mostShown = 20;

function schemaDifferences(
  difference: FingerprintDifference,
  { model }: Expectation,
  actual: Restored,
): DrillDifference[] {
  if (!model) return [difference];
  const changes = compareSchemas(model, actual.model).map(
    ({ kind, object, name, detail }): DrillDifference => ({
      what: 'schema',
      name: `${object} ${name}`,
      expected: kind === 'added' ? 'none' : kind === 'removed' ? detail : 'as in the source',
      actual: kind === 'removed' ? 'none' : detail,
    }),
  );
  return changes.length === 0 ? [difference] : changes.slice(0, mostShown);
}

function contentDifferences(
  expected: Expectation['contentHashes'],
  actual: Restored['contentHashes'],
): DrillDifference[] {
  if (!expected || !actual) return [];
  const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort();
  return names
    .filter((name) => expected[name] !== actual[name])
    .map((name) => ({
      what: 'content',
      name,
      expected: expected[name] ?? 'none',
      actual: actual[name] ?? 'none',
    }));
}

/** One difference as a line for people. */
export function describeDifference({ what, name, expected, actual }: DrillDifference): string {
  return `${what} ${name}: ${actual} instead of ${expected}`;
}
