import type { QualifiedName } from '../../domain/qualified-name.js';
import type { Snapshot } from '../../domain/snapshot.js';
import type { BrokenReference, LostForeignKey, TableLoss } from '../../domain/table-loss.js';
import type { ProductionApproval } from '../target/guard.js';
import type { WorkOptions } from '../target/work.js';
import type { TableSource } from './table-source.js';

export interface RestoreTablesOptions extends WorkOptions, ProductionApproval {
  /** "schema.table", as `rowCounts` of a fingerprint names them. */
  readonly tables: readonly string[];
  /** Put them beside what is there, into this schema, which is made where it is missing. */
  readonly intoSchema?: string | undefined;
  /** Put them into this database, which is made where it is missing. */
  readonly to?: string | undefined;
  /** Name of the schema in which what is replaced is kept; default "belay_kept_" and an id. */
  readonly keepAs?: string | undefined;
  /**
   * Asked where references would break. Without it, or when it says no, nothing is changed.
   */
  readonly confirm?: ((loss: TableLoss) => boolean | Promise<boolean>) | undefined;
}

/** What became of one table. */
export interface RestoredTable {
  readonly table: string;
  /** Where it is now. */
  readonly restoredAs: string;
  readonly rows: number;
  /** What was there before; null where nothing was replaced. */
  readonly replaced: { readonly rows: number; readonly keptAs: string } | null;
  /** References that do not hold: the ones that were confirmed. */
  readonly brokenReferences: readonly BrokenReference[];
  /** Foreign keys that are in place for new rows, but not proven for those that are there. */
  readonly notValid: readonly string[];
  /** Foreign keys that the table had and has not here. */
  readonly leftOut: readonly LostForeignKey[];
}

/** What a restore of single tables did. Durations in milliseconds. */
export interface RestoreTablesResult {
  readonly ok: true;
  readonly snapshot: Snapshot;
  readonly database: string;
  readonly tables: readonly RestoredTable[];
  /** How long the tables could not be read; 0 where nothing was replaced. */
  readonly outageMs: number;
  readonly durationMs: number;
  /** Rows and definitions were compared with the snapshot's; always, or it fails. */
  readonly verified: true;
  /** Schemas with what was replaced. `DROP SCHEMA … CASCADE` removes it for good. */
  readonly keptIn: readonly string[];
}

/** What every way of restoring tables is given. */
export interface RestoreTablesOrder {
  readonly source: TableSource;
  readonly tables: readonly QualifiedName[];
  readonly options: RestoreTablesOptions;
  readonly startedAt: number;
}
