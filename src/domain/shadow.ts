/** What the comment of a shadow database says, beside `{"belay": 1}`: all that is known of it is there. */
export interface ShadowRecord {
  readonly kind: 'shadow';
  /** As in a snapshot's id: 12 characters. Slot and publication have it in their names. */
  readonly id: string;
  /** The database beside which it is. */
  readonly target: { readonly server: string; readonly database: string };
  /** OID of that database: another one of its name is not the one that was copied. */
  readonly sourceOid: number;
  /** Its own OID. */
  readonly oid: number;
  readonly createdAt: string;
  readonly method: 'clone' | 'copy';
  readonly migration: ShadowMigration;
  /** Checksums of the schemas: of the target when it was copied, and of the shadow when the migration had run. */
  readonly targetChecksum: string;
  readonly shadowChecksum: string;
  readonly tables: readonly ShadowTable[];
  /** Null: changes are found by scanning. */
  readonly replication: ShadowReplication | null;
  readonly sync: ShadowSync;
}

export interface ShadowMigration {
  readonly kind: 'files' | 'declarative' | 'command';
  /** Name of the file, folder or program; no arguments, no secrets. */
  readonly name: string;
  readonly durationMs: number;
}

export interface ShadowReplication {
  readonly slot: string;
  readonly publication: string;
}

/** A table of the target, and where its rows belong in the shadow. Found by OID and column number, so renames are followed. */
export interface ShadowTable {
  /** In the target. */
  readonly oid: number;
  /** "schema.table" in the target when the shadow was made. */
  readonly name: string;
  /** In the shadow; null: the migration has dropped it. */
  readonly shadowOid: number | null;
  /** Columns of the target (not generated ones) by number, and their numbers in the shadow; null: dropped there. */
  readonly columns: readonly ShadowColumn[];
  /** Numbers, in the target, of the columns by which rows are known: primary key, else a unique not-null key. Null: none. */
  readonly key: readonly number[] | null;
  /** Whether its changes are in the WAL. */
  readonly isLogged: boolean;
  /** What the migration itself did to its rows: rows that come later do not get it. Null: nothing. */
  readonly transformed: TransformedTable | null;
  /** Rows that were inserted or updated in the target and brought over after the migration had run. */
  readonly arrived: number;
  /** `pg_snapshot` of the target when this table was last scanned, where that is later than `sync.snapshot`. */
  readonly scanned?: string | undefined;
}

export interface ShadowColumn {
  readonly number: number;
  readonly name: string;
  readonly shadowNumber: number | null;
}

/** By the server's statistics of the migration, and by the columns that it has added or retyped. */
export interface TransformedTable {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Columns whose type is another now, by their name in the shadow. */
  readonly retyped: readonly string[];
  /** Columns that are new, that are not generated, and that have other values than their default. */
  readonly filled: readonly string[];
}

/** How far the shadow is. Written in the transaction that brings the rows over. */
export interface ShadowSync {
  /** When the target was as the shadow is. */
  readonly at: string;
  readonly count: number;
  /** Of a shadow that is scanned: `pg_snapshot` of the target at that time. Rows with an xmin from its xmax or xmin on may be new. */
  readonly snapshot: string;
  /** Of a replicated one: up to where the slot was read. */
  readonly lsn: string | null;
}

/** A table of the target as it is now, with its place in the shadow as it is now: {@link ShadowTable} with today's names. */
export interface MappedTable {
  readonly table: ShadowTable;
  readonly source: { readonly schema: string; readonly name: string };
  /** Null: dropped by the migration; nothing is brought over. */
  readonly shadow: { readonly schema: string; readonly name: string } | null;
  /** Only columns that are on both sides, in the order of the target. */
  readonly columns: readonly MappedColumn[];
  /** Indexes into `columns`; null: without a key, or a key column was dropped. */
  readonly key: readonly number[] | null;
  /** The migration made it partitioned: its root takes the rows. */
  readonly isShadowPartitioned?: boolean | undefined;
}

export interface MappedColumn {
  readonly source: string;
  readonly shadow: string;
  /** Type in the shadow, as format_type prints it. */
  readonly shadowType: string;
  /** GENERATED ALWAYS AS IDENTITY in the shadow: inserts must override it. */
  readonly isIdentityAlways: boolean;
  /** Type in the target, where it is another. */
  readonly sourceType?: string | undefined;
  /** The shadow knows the target's type and assigns it to its own, as ALTER COLUMN … TYPE does; else its text is read anew. */
  readonly isAssignable?: boolean | undefined;
  /** Operator by which values of a key are the same, where it is not simply "=" of pg_catalog. */
  readonly equals?: string | undefined;
}

/** Values of a row in the order of `MappedTable.columns`, as PostgreSQL prints them; undefined: not changed and not sent. */
export type RowValues = readonly (string | null | undefined)[];

/** A change in the target, to be made in the shadow. Making it twice does no harm. */
export type RowChange =
  | {
      readonly kind: 'upsert';
      readonly values: RowValues;
      readonly oldKey: readonly (string | null)[] | null;
    }
  | { readonly kind: 'delete'; readonly key: readonly (string | null)[] };

/** What a sync did to one table of the shadow. */
export interface SyncedTable {
  /** "schema.table" in the target. */
  readonly table: string;
  readonly upserted: number;
  readonly deleted: number;
}

export interface SyncResult {
  readonly ok: true;
  readonly database: string;
  readonly method: 'logical' | 'scan';
  readonly tables: readonly SyncedTable[];
  readonly rowsBroughtOver: number;
  /** WAL of the target that the slot holds and that is not read yet, in bytes; null where there is no slot. */
  readonly lagBytes: number | null;
  /** Rows that arrived in tables whose rows the migration itself had changed: they lack what it did. */
  readonly untransformed: readonly { readonly table: string; readonly rows: number }[];
  readonly at: string;
  readonly durationMs: number;
}

/** The name of the shadow of a database: a name that does not fit is shortened with a hash by the caller. */
export const shadowSuffix = '_shadow';
/** Slot, publication and role names: lower-case letters, digits and "_" only. */
export const replicationName = (id: string): string => `belay_shadow_${id}`;
export const replicationNamePattern = '^belay_shadow_[0-9a-z]{12}$';
