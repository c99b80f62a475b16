import type { KeptColumn, RecordBackup, RecordBackupKind } from './record-backup.js';

/** A table as a rollback of data has to know it. */
export interface TableShape {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** Both, quoted as SQL takes them. */
  readonly sql: string;
  readonly isPartitioned: boolean;
  /** Other tables have its rows below it: partitions, or tables that inherit. */
  readonly hasChildren: boolean;
  readonly columns: readonly ColumnShape[];
  readonly constraints: readonly ConstraintShape[];
}

export interface ColumnShape {
  readonly number: number;
  readonly name: string;
  /** Quoted where it has to be. */
  readonly sql: string;
  /** Type as `format_type` prints it. */
  readonly type: string;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  readonly isGenerated: boolean;
  /** Its own collation as SQL takes it; null where the type has none. */
  readonly collation: string | null;
}

/** What rows have to keep to. */
export type ConstraintShape = {
  readonly oid: number;
  readonly name: string;
} & (
  | { readonly kind: 'check'; readonly expression: string; readonly columns: readonly string[] }
  | {
      readonly kind: 'unique';
      /** Columns or expressions, as SQL. */
      readonly by: readonly string[];
      /** Columns that are in it, also within expressions. */
      readonly columns: readonly string[];
      readonly where: string | null;
      readonly nullsNotDistinct: boolean;
    }
  | {
      readonly kind: 'foreign key';
      readonly columns: readonly string[];
      /** Oid of the other table. */
      readonly parent: number;
      readonly parentColumns: readonly string[];
    }
);

/** The tables before and after a step, in a copy of the schema: what keeps its identity is the same thing. */
export interface StepShapes {
  readonly before: readonly TableShape[];
  readonly after: readonly TableShape[];
}

/** Which value holds where the present one was changed since the migration. */
export type Preference = 'backup' | 'current';

/** What comes back from one record backup. */
export interface BackupOutcome {
  readonly backup: number;
  readonly migration: string;
  /** As it is named after the rollback, or was when the records were kept. */
  readonly table: string;
  /** Null where rows are put back. */
  readonly column: string | null;
  readonly kind: RecordBackupKind;
  /** Rows that were put back. */
  readonly rows: number;
  /** Values other than NULL that were put back in rows that are there. */
  readonly values: number;
  /** Changed since in a way that conflicts: values, or rows that are there again. Kept as they are, or overwritten with `prefer`. */
  readonly conflicts: number;
  /** Rows that were deleted since; nothing is put back for them. */
  readonly missing: number;
  /** Rows or values that a constraint does not let back: their parent was deleted since, their place is taken. */
  readonly blocked: number;
  /** Why nothing comes back at all; null where it does. */
  readonly skipped: string | null;
  /** A few of what was listed: `conflict: id 7`. */
  readonly samples: readonly string[];
}

/** Rows written since that break what the schema asks for again. */
export interface DataViolation {
  readonly migration: string;
  readonly table: string;
  readonly constraint: string;
  readonly kind: 'not null' | 'check' | 'unique' | 'foreign key';
  readonly rows: number;
}

/** What a rollback does to the rows that record backups keep. */
export interface DataRollback {
  readonly prefer: Preference;
  readonly backups: readonly BackupOutcome[];
  readonly violations: readonly DataViolation[];
  /** Versions without any record backup. */
  readonly withoutBackup: readonly string[];
  readonly totals: DataTotals;
}

export interface DataTotals {
  readonly rows: number;
  readonly values: number;
  readonly conflicts: number;
  readonly missing: number;
  readonly blocked: number;
}

export function addUpOutcomes(outcomes: readonly BackupOutcome[]): DataTotals {
  const sum = (key: keyof DataTotals) =>
    outcomes.reduce((total, outcome) => total + outcome[key], 0);
  return {
    rows: sum('rows'),
    values: sum('values'),
    conflicts: sum('conflicts'),
    missing: sum('missing'),
    blocked: sum('blocked'),
  };
}

const rowKinds: readonly RecordBackupKind[] = ['table', 'delete', 'truncate'];

/** Whole rows come back, not values of rows that are there. */
export function keepsRows({ kind }: Pick<RecordBackup, 'kind'>): boolean {
  return rowKinds.includes(kind);
}

/** A kept column and the column in which its values belong now. */
export interface Placed {
  readonly kept: KeptColumn;
  readonly column: ColumnShape;
}

/** A backup and where it goes in the schema after a step. */
export interface Placement {
  readonly backup: RecordBackup;
  /** The table after the step. */
  readonly table: TableShape;
  /** The same table before the step; null where the step makes it. */
  readonly before: TableShape | null;
  /** Columns whose values are put back. */
  readonly values: readonly Placed[];
  /** Columns that find the row; with whole rows all that are still there. */
  readonly keys: readonly Placed[];
}

export interface Skipped {
  readonly backup: RecordBackup;
  readonly why: string;
}
