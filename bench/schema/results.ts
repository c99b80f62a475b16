import { median } from '../results.js';

/** What is measured: reading against pg_dump by the clock, comparing by the time on the processor. */
export type SchemaTask = 'first read' | 'read' | 'pg_dump' | 'compare equal' | 'compare changed';

export interface SchemaMeasurement {
  readonly task: SchemaTask;
  /** What was run, for people. */
  readonly what: string;
  /** In milliseconds. */
  readonly runs: readonly number[];
}

/** One kind of schema. */
export interface SchemaShapeResult {
  /** e.g. "1000 tables of 10 columns". */
  readonly name: string;
  /** Objects in the model. */
  readonly objects: number;
  readonly measurements: readonly SchemaMeasurement[];
}

/** All that was measured on one server. */
export interface SchemaResult {
  /** e.g. "PostgreSQL 15.18". */
  readonly name: string;
  readonly shapes: readonly SchemaShapeResult[];
}

/** The median of a task, in milliseconds; undefined where it was not measured. */
export function taskMs(shape: SchemaShapeResult, task: SchemaTask): number | undefined {
  const found = shape.measurements.find((one) => one.task === task);
  return found && found.runs.length > 0 ? median(found.runs) : undefined;
}
