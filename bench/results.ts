import type { Caches } from './options.js';

/** What is measured; each is done by several contenders. */
export type Operation = 'snapshot' | 'restore' | 'switch' | 'undo';

/** Who does it. "cp" copies only the files, so it takes and restores nothing that could be used. */
export type Contender = 'belay' | 'createdb -T' | 'pg_dump' | 'cp';

/** One run. All times in milliseconds. */
export interface Run {
  readonly totalMs: number;
  /** Longest time between two successful queries of a client; null where no client was there. */
  readonly outageMs: number | null;
  /** What the library says about its own outage. */
  readonly reportedOutageMs?: number;
  /** Belay's steps by name. */
  readonly stepsMs?: Readonly<Record<string, number>>;
}

export interface Measurement {
  readonly operation: Operation;
  readonly contender: Contender;
  /** What was run, for people. */
  readonly what: string;
  readonly caches: Caches;
  readonly runs: readonly Run[];
}

export interface SizeResult {
  readonly sizeBytes: number;
  readonly rows: number;
  /** How a snapshot was really copied: "reflink" or "file_copy". */
  readonly method: string;
  readonly measurements: readonly Measurement[];
}

/** All that was measured on one server on one file system. */
export interface ServerResult {
  /** e.g. "ext4, PostgreSQL 15.18". */
  readonly name: string;
  readonly fileSystem: string;
  readonly postgresVersion: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Longest time between two queries of the client while nothing happens: its resolution. */
  readonly idleGapMs: number;
  /** Smaller size first. */
  readonly sizes: readonly SizeResult[];
  /** What could not be measured here, and why. */
  readonly notMeasured: readonly string[];
}

export interface StartUpResult {
  readonly command: string;
  /** Null: not measured, see `why`. */
  readonly medianMs: number | null;
  readonly nodeMs: number | null;
  readonly why?: string;
  readonly runsMs: readonly number[];
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] as number;
  return Number.isInteger(middle) ? ((sorted[middle - 1] as number) + upper) / 2 : upper;
}

export function medianTotalMs(measurement: Measurement): number {
  return median(measurement.runs.map(({ totalMs }) => totalMs));
}

const medianOf = (values: readonly number[]) => (values.length === 0 ? null : median(values));

/** What the client saw; null where none was watching. */
export function medianOutageMs({ runs }: Measurement): number | null {
  return medianOf(runs.flatMap(({ outageMs }) => (outageMs === null ? [] : [outageMs])));
}

/** What the library said; null where it was not asked. */
export function medianReportedMs({ runs }: Measurement): number | null {
  return medianOf(runs.flatMap(({ reportedOutageMs: ms }) => (ms === undefined ? [] : [ms])));
}

export function findMeasurement(
  size: SizeResult | undefined,
  operation: Operation,
  contender: Contender,
): Measurement | undefined {
  return size?.measurements.find(
    (one) => one.operation === operation && one.contender === contender,
  );
}
