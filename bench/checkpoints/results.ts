import { median } from '../results.js';

/** Most memory that a program had at once, in bytes, by its name: "belay", "pg_dump", "postgres", … */
export type PeakMemory = Readonly<Record<string, number>>;

/** One run. */
export interface CheckpointRun {
  readonly totalMs: number;
  /** Share of all cores that was busy meanwhile, 0 to 1: near 1 only fewer instructions make it faster. */
  readonly busyShare: number;
  readonly stepsMs?: Readonly<Record<string, number>>;
  /** Of the archive. */
  readonly sizeBytes?: number;
  readonly peakBytes?: PeakMemory;
}

export interface CheckpointMeasurement {
  /** e.g. "checkpoint". */
  readonly name: string;
  /** Where the archive lies: "folder", "S3"; or the level of compression. */
  readonly variant: string;
  /** What was run, for people. */
  readonly what: string;
  readonly runs: readonly CheckpointRun[];
}

/** All that was measured on one server. */
export interface CheckpointResult {
  /** e.g. "ext4, PostgreSQL 15.18". */
  readonly name: string;
  /** Of the database. */
  readonly sizeBytes: number;
  readonly rows: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly measurements: readonly CheckpointMeasurement[];
}

export function medianMs({ runs }: CheckpointMeasurement): number {
  return median(runs.map(({ totalMs }) => totalMs));
}

export function medianSizeBytes({ runs }: CheckpointMeasurement): number | null {
  const sizes = runs.flatMap(({ sizeBytes }) => sizeBytes ?? []);
  return sizes.length === 0 ? null : median(sizes);
}

/** The median of each step. */
export function medianSteps({ runs }: CheckpointMeasurement): Record<string, number> {
  const names = Object.keys(runs[0]?.stepsMs ?? {});
  const middle = (name: string) => median(runs.map(({ stepsMs }) => stepsMs?.[name] ?? 0));
  return Object.fromEntries(names.map((name) => [name, middle(name)]));
}

/** The most of all runs, by program. */
export function peakMemory({ runs }: CheckpointMeasurement): Record<string, number> {
  const most: Record<string, number> = {};
  for (const { peakBytes = {} } of runs) {
    for (const [program, bytes] of Object.entries(peakBytes)) {
      most[program] = Math.max(most[program] ?? 0, bytes);
    }
  }
  return most;
}

export function findCheckpoint(
  { measurements }: CheckpointResult,
  name: string,
  variant: string,
): CheckpointMeasurement | undefined {
  return measurements.find((one) => one.name === name && one.variant === variant);
}
