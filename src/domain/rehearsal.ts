import type { AssessedChange } from './change-safety.js';

/** What became of a column of a table in a rehearsal. Counts are of rows that are in the table before and after. */
export interface RehearsedColumn {
  /** Its name before; afterwards, where it is new. */
  readonly column: string;
  /** Its name afterwards, where that is another. */
  readonly renamedTo: string | null;
  readonly change: 'kept' | 'added' | 'dropped' | 'retyped';
  /** Values that were there and are not: set to NULL, or gone with their column. */
  readonly valuesLost: number;
  /** Values that are others now. One that reads otherwise only because of its column's new type is not among them. */
  readonly valuesChanged: number;
  /** NULLs, or new columns, that have a value now. */
  readonly valuesSet: number;
}

/** A row that a rehearsal shows as an example; values as PostgreSQL prints them, shortened. */
export interface RehearsedRow {
  readonly key: Readonly<Record<string, string | null>>;
  readonly change: 'inserted' | 'deleted' | 'updated';
  readonly values: readonly {
    readonly column: string;
    readonly before: string | null;
    readonly after: string | null;
  }[];
}

/** How rows before and after were told to be the same. */
export type RowIdentity = 'primary key' | 'unique key' | 'whole row';

/** What became of the rows of one table. Rows are counted, never estimated. */
export interface RehearsedTable {
  /** "schema.table" before; afterwards, where it is new. */
  readonly table: string;
  readonly renamedTo: string | null;
  /** "remade": dropped, and another of its name created; its rows are compared all the same. */
  readonly change: 'kept' | 'created' | 'dropped' | 'remade';
  readonly identity: RowIdentity;
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  readonly rowsInserted: number;
  /** Rows whose key is in the table no longer, of a dropped table all. */
  readonly rowsDeleted: number;
  /** Rows with at least one value lost, changed or set in a column that was there before. */
  readonly rowsUpdated: number;
  /** Of all columns together. */
  readonly valuesLost: number;
  readonly valuesChanged: number;
  /** Those of which there is something to say. */
  readonly columns: readonly RehearsedColumn[];
  readonly samples: readonly RehearsedRow[];
}

export interface RehearsedSequence {
  /** "schema.sequence". */
  readonly sequence: string;
  /** Null: it is new, or gone. As text: they are 64-bit numbers. */
  readonly before: string | null;
  readonly after: string | null;
}

/** What kind of relation is locked; what a TOAST table holds is its table's. */
export type RelationKind = 'table' | 'index' | 'sequence' | 'view' | 'materialized view';

/** A lock on a relation that was there before: as it was seen in samples, or of a file as its statements took it. */
export interface RehearsedLock {
  /** "schema.table", or of an index or sequence its own name. */
  readonly object: string;
  readonly kind: RelationKind;
  /** As pg_locks names it, e.g. "AccessExclusiveLock". */
  readonly mode: string;
  /** From the first to the last sample in which it was held: a lower bound, 0 where it was in one sample only. */
  readonly heldMs: number;
  /** From the sample before to the sample after: an upper bound. The same as `heldMs` where it was not sampled. */
  readonly heldAtMostMs: number;
  /** How long it was waited for, where it was. */
  readonly waitedMs: number;
  /** The statement that took it; sampled, the one that ran when it was first seen. */
  readonly statement: string | null;
}

/** A statement as it was run (of a file), or as it was seen in samples (of a command). */
export interface RehearsedStatement {
  readonly sql: string;
  readonly durationMs: number;
  /** False: seen in samples, so that shorter ones may be missing and this one may have taken longer. */
  readonly exact: boolean;
  readonly line: number | null;
  /** Of several files the one that it stands in. */
  readonly file?: string | null | undefined;
}

/** One of the application's own queries, before and after. */
export interface RehearsedProbe {
  readonly sql: string;
  readonly line: number;
  readonly before: ProbeRun;
  readonly after: ProbeRun;
  /** "broken": worked before and fails now. "changed": another result. "slower": same result in much more time. */
  readonly verdict: 'same' | 'changed' | 'broken' | 'mended' | 'failing' | 'slower';
}

export interface ProbeRun {
  readonly rows: number | null;
  readonly columns: readonly string[] | null;
  /** Of the rows, whatever their order unless the query has one. */
  readonly hash: string | null;
  readonly durationMs: number;
  /** SQLSTATE and message, where it failed. */
  readonly error: string | null;
}

/** Whether the real target was left alone while a command ran on the copy. */
export interface UntouchedProof {
  /** "proven": nothing of it changed. "others-only": others worked on it, and nothing points at the command. */
  readonly status: 'proven' | 'others-only' | 'touched';
  /** What was looked at and found, a sentence each. */
  readonly evidence: readonly string[];
}

export interface RehearsalError {
  readonly message: string;
  readonly sqlState: string | null;
  readonly line: number | null;
  readonly statement: string | null;
  readonly file?: string | null | undefined;
}

/** A threshold that was passed. */
export interface ExceededThreshold {
  readonly threshold: keyof RehearsalThresholds;
  readonly limit: number;
  readonly actual: number;
  readonly message: string;
}

/** What a rehearsal may do at most; what is not given has no limit. */
export interface RehearsalThresholds {
  /** Rows deleted and values lost. */
  readonly maxRecordsLost?: number | undefined;
  readonly maxValuesChanged?: number | undefined;
  /** The longest ACCESS EXCLUSIVE lock on a table that was there before. */
  readonly maxExclusiveLockMs?: number | undefined;
  readonly maxDurationMs?: number | undefined;
  readonly maxWalBytes?: number | undefined;
  /** Probes that are broken or changed; default 0 where there are probes. */
  readonly maxProbesBroken?: number | undefined;
}

/** Where the copy came from. */
export interface RehearsalSource {
  readonly kind: 'clone' | 'snapshot' | 'checkpoint';
  /** Of the snapshot or checkpoint; null of a clone made for the rehearsal. */
  readonly tag: string | null;
  readonly createdAt: string;
  /** Why it is not a clone, where one was wanted. */
  readonly why: string | null;
  /** Of making the copies, in milliseconds. */
  readonly durationMs: number;
}

/** What a migration really did, on a copy that was thrown away. Durations in milliseconds. */
export interface Rehearsal {
  /** The migration succeeded, no threshold was passed, and the target was not touched. */
  readonly ok: boolean;
  /** Of the command; of a file 0, or 1 where a statement failed. 128 + n where signal n ended it. */
  readonly exitCode: number;
  readonly timedOut: boolean;
  /** Null of a file. */
  readonly command: string | null;
  readonly file: string | null;
  readonly source: RehearsalSource;
  readonly schema: readonly AssessedChange[];
  /** Tables with a change of rows or of themselves. */
  readonly tables: readonly RehearsedTable[];
  /** Tables that were compared, and tables that nothing had written to. */
  readonly tablesCompared: number;
  readonly tablesUntouched: number;
  readonly sequences: readonly RehearsedSequence[];
  /** Rows deleted and values lost, of all tables. */
  readonly recordsLost: number;
  readonly valuesChanged: number;
  /** Longest first. */
  readonly locks: readonly RehearsedLock[];
  readonly exclusiveLockMs: number;
  /** Time between two samples of locks and statements, as it really was; null where none was taken. */
  readonly sampleIntervalMs: number | null;
  /** Longest first. */
  readonly statements: readonly RehearsedStatement[];
  readonly walBytes: number | null;
  /** Others write on this server too, and their WAL is among it. */
  readonly walShared: boolean;
  readonly errors: readonly RehearsalError[];
  readonly probes: readonly RehearsedProbe[];
  readonly untouched: UntouchedProof;
  readonly exceeded: readonly ExceededThreshold[];
  /** What was noticed beside: processes left behind, settings that could not be carried over, … */
  readonly notes: readonly string[];
  /** Of the migration alone. */
  readonly durationMs: number;
  /** Of measuring: everything but copies and migration. */
  readonly measuringMs: number;
}
