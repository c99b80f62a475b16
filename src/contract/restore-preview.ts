import type { SchemaChange } from '../domain/schema-model.js';

/** What a restore would replace, measured on the live database before anything is asked. */
export interface RestorePreview {
  readonly database: string;
  readonly environment: 'development' | 'production';
  readonly snapshot: { readonly id: string; readonly tag: string; readonly createdAt: string };
  /** Name of the database that would be made or replaced. */
  readonly into: string;
  /** False: into a new database; nobody's work is replaced. */
  readonly inPlace: boolean;
  /** Only these tables; null: the whole database. */
  readonly tables: readonly string[] | null;
  /** From the snapshot to what is live: what came since, and would go. Empty where nothing is replaced. */
  readonly schema: readonly SchemaChange[];
  /** What could not be compared of the schemas, so that changes may be missing; null: all was. */
  readonly schemaNotCompared: string | null;
  /** Tables whose row counts differ; null: the table is not there. */
  readonly rowCounts: readonly {
    readonly table: string;
    readonly snapshot: number | null;
    readonly live: number | null;
  }[];
  /** Why rows were not counted; null: they were. */
  readonly notCounted: string | null;
  /** Who is connected to the database that would be replaced, and would be disconnected for the moment of the swap. */
  readonly sessions: readonly {
    readonly pid: number;
    readonly user: string | null;
    readonly application: string;
    readonly client: string | null;
    readonly state: string | null;
    readonly since: string | null;
  }[];
  /** What stands in the way; empty: it can be done. */
  readonly blockers: readonly string[];
  /** The registered name has to be typed. */
  readonly needsConfirmation: boolean;
  /** `undo` brings the present state back afterwards. */
  readonly canBeUndone: boolean;
}
