/**
 * Record backups: rows and values that a destructive statement removed, kept in tables of the schema `belay` of
 * the same database. `docs/formats.md` promises this format.
 */
export const recordBackupFormat = 1;

/** What a backup keeps. */
export type RecordBackupKind =
  /** Values of a dropped column, by row. */
  | 'column'
  /** Values of a column before and after its type was changed. */
  | 'conversion'
  /** Rows of a dropped table. */
  | 'table'
  /** Values of updated rows before and after. */
  | 'update'
  /** Rows that were deleted or truncated. */
  | 'delete'
  | 'truncate';

/** How a row is found again. */
export type RowIdentity =
  /** By the columns of the primary key, or of a unique key without NULLs. */
  | 'primary-key'
  | 'unique-key'
  /** By all values that the row has, and how often it is there. */
  | 'whole-row';

/**
 * A column of the user's table and the column of the backup's table that keeps it. Where `before` and `after` are the same
 * (by their bytes, of updates also both NULL) the migration did not change the value of that row: nothing is to be put back.
 * A key that was updated has both in full: the row is found by `after` now.
 */
export interface KeptColumn {
  /** Name at the moment of the backup. */
  readonly name: string;
  /** Attribute number in the table at that moment. */
  readonly number: number;
  /** Type as `format_type` prints it, e.g. "numeric(10,2)". */
  readonly type: string;
  /** Column of the backup's table: the value before. */
  readonly before: string;
  /** Column with the value that the migration left, of updates and conversions (in its new type); null: none. */
  readonly after: string | null;
  /** "native": as it is. "text": by PostgreSQL's exact text form, for types that a migration may take away. */
  readonly form: 'native' | 'text';
  /** Part of what finds the row again. */
  readonly isKey: boolean;
}

/** One row of the registry `belay.record_backups`. */
export interface RecordBackup {
  readonly id: number;
  /** The version whose migration lost the records. */
  readonly migrationVersion: string;
  /** Number of the migration's statement, from 1: later ones are put back first, of one statement those of a greater id. */
  readonly statement: number;
  /** Table as it was named when the statement ran. */
  readonly tableSchema: string;
  readonly tableName: string;
  /** Negative in a database that was restored from a dump: there the number is no table's, or another's. */
  readonly tableOid: number;
  /** Null where whole rows are kept. */
  readonly columnName: string | null;
  readonly kind: RecordBackupKind;
  readonly identity: RowIdentity;
  readonly columns: readonly KeptColumn[];
  /** Table of the schema `belay` that holds the records, e.g. "backup_12"; null where it was pruned. */
  readonly dataTable: string | null;
  /** Rows in it, and values other than NULL that they lost. */
  readonly rows: number;
  readonly values: number;
  /** Values of sequences that belong to the table, `{"public.users_id_seq": "42"}`, as text. */
  readonly sequences: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly createdAt: string;
  /** When its records were put back; null: they were not. */
  readonly restoredAt: string | null;
}
