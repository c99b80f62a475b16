/**
 * What the live database has, as plain data: as much of its catalogs as one needs to say what a statement would do. System
 * objects are left out, other than where something of the user's depends on them.
 */
export interface LiveCatalog {
  readonly database: string;
  /** e.g. 150018. */
  readonly serverVersion: number;
  /** The role that would run the migration. */
  readonly role: string;
  /** Schemas in which that role looks up names, in order, without pg_catalog and temporary ones. */
  readonly searchPath: readonly string[];
  /** Schema in which Belay keeps its own; it is no part of what is listed here. */
  readonly historySchema?: string | null;
  readonly schemas: readonly LiveObject[];
  readonly relations: readonly LiveRelation[];
  readonly columns: readonly LiveColumn[];
  readonly types: readonly LiveType[];
  readonly constraints: readonly LiveConstraint[];
  readonly indexes: readonly LiveIndex[];
  readonly triggers: readonly LiveTrigger[];
  readonly routines: readonly LiveRoutine[];
  /** Everything else that can be dropped or be dropped along: extensions, policies, rules, casts, … */
  readonly others: readonly LiveOther[];
  readonly dependencies: readonly LiveDependency[];
  /** What belongs to whom, for DROP OWNED. */
  readonly owned?: readonly { readonly role: string; readonly address: Address }[];
  /** Names of functions, user's and system's, of which at least one of that name is volatile. */
  readonly volatileFunctions: ReadonlySet<string>;
  /** TimeZone of the role's sessions, e.g. "Europe/Berlin": casts between timestamp and timestamptz depend on it. */
  readonly timeZone?: string;
  /** Seconds that the statistics of writes and reads cover; null or missing: not known. */
  readonly statisticsSeconds?: number | null;
}

/** Of pg_depend and pg_identify_object: catalog, oid in it, and column (0 for the object itself), e.g. "pg_class/16391/2". */
export type Address = string;

export interface LiveObject {
  readonly oid: number;
  readonly name: string;
}

export interface LiveRelation extends LiveObject {
  readonly schema: string;
  /** relkind: r table, p partitioned, v view, m materialized view, S sequence, f foreign table, c composite type. Indexes are apart. */
  readonly kind: 'r' | 'p' | 'v' | 'm' | 'S' | 'f' | 'c' | 't';
  readonly persistence: 'p' | 'u' | 't';
  readonly owner: string;
  /** reltuples; -1 where nothing analysed it. */
  readonly estimatedRows: number;
  readonly sizeBytes: number;
  /** Inserts, updates and deletes, and scans, since the statistics were reset; null where none are kept. */
  readonly writes: number | null;
  readonly reads: number | null;
  /** The role may read all of it. */
  readonly mayRead: boolean;
  /** Row-level security is enabled and applies to the role. */
  readonly hidesRows: boolean;
  readonly rowSecurity: boolean;
  /** Parents by inheritance or as partition. */
  readonly parents: readonly number[];
  readonly isPartition: boolean;
  /** Of a view: its query, as pg_get_viewdef prints it. */
  readonly definition: string | null;
  /** Of a partitioned table: by what it is partitioned. */
  readonly partitionKey?: LivePartitionKey | null;
  /** Of a partition: its bound, as pg_get_expr prints relpartbound, e.g. "DEFAULT". */
  readonly partitionBound?: string | null;
  /** Of a partition: the condition that its rows fulfil, as pg_get_partition_constraintdef prints it. */
  readonly partitionConstraint?: string | null;
}

export interface LivePartitionKey {
  /** partstrat: r range, l list, h hash. */
  readonly strategy: 'r' | 'l' | 'h';
  /** Attribute numbers; 0 for an expression. */
  readonly columns: readonly number[];
  /** pg_get_expr of partexprs: all expressions of the key, with commas between them; null: none. */
  readonly expression: string | null;
}

export interface LiveColumn {
  readonly relation: number;
  readonly number: number;
  readonly name: string;
  /** As `format_type` prints it with everything qualified that needs it. */
  readonly type: string;
  readonly typeOid: number;
  readonly notNull: boolean;
  /** As pg_get_expr prints it; null: none. */
  readonly default: string | null;
  /** Oid of the default in pg_attrdef, else 0. */
  readonly defaultOid?: number;
  readonly identity: 'a' | 'd' | null;
  readonly generated: 's' | 'v' | null;
  readonly collation: string | null;
  /** Defined by the table itself, not only by its parents. */
  readonly isLocal?: boolean;
  /** How many parents have it. */
  readonly parents?: number;
}

export interface LiveType extends LiveObject {
  readonly schema: string;
  /** typtype: b base, c composite, d domain, e enum, r range, m multirange. */
  readonly kind: 'b' | 'c' | 'd' | 'e' | 'r' | 'm';
  readonly labels: readonly string[];
  /** Of a domain: the type below it. */
  readonly baseType: string | null;
  /** Relation of a composite type, else 0. */
  readonly relation: number;
  readonly elementOf: number;
  /** Of a domain: typnotnull. */
  readonly notNull?: boolean;
}

export interface LiveConstraint extends LiveObject {
  /** 0 for those of domains. */
  readonly relation: number;
  /** Of a domain, else 0. */
  readonly domain: number;
  /** contype: c check, f foreign key, p primary key, u unique, x exclusion, n not null, t constraint trigger. */
  readonly kind: 'c' | 'f' | 'p' | 'u' | 'x' | 'n' | 't';
  readonly validated: boolean;
  readonly deferrable: boolean;
  /** pg_get_constraintdef. */
  readonly definition: string;
  readonly columns: readonly number[];
  /** Foreign keys: the table and its columns that are referred to. */
  readonly referenced: number;
  readonly referencedColumns: readonly number[];
  /** confdeltype and confupdtype: a no action, r restrict, c cascade, n set null, d set default. */
  readonly onDelete: string | null;
  readonly onUpdate: string | null;
  /** Index below it, else 0. */
  readonly index: number;
  /** Oid of the constraint of the parent table that it is the copy of, else 0. */
  readonly parent: number;
  /** Of a check: pg_get_expr of it; null: it is none. */
  readonly expression?: string | null;
  /** Of a foreign key: MATCH FULL. */
  readonly matchFull?: boolean;
  /** False: NOT ENFORCED (18). */
  readonly enforced?: boolean;
}

export interface LiveIndex extends LiveObject {
  readonly schema: string;
  readonly relation: number;
  readonly unique: boolean;
  readonly primary: boolean;
  readonly valid: boolean;
  /** Checked at once, not at the end of the transaction. */
  readonly immediate: boolean;
  /** Attribute numbers of key columns; 0 for an expression. */
  readonly columns: readonly number[];
  readonly predicate: string | null;
  readonly definition: string;
  readonly sizeBytes: number;
}

export interface LiveTrigger extends LiveObject {
  readonly relation: number;
  /** tgenabled: O, D, R, A. */
  readonly enabled: string;
  readonly definition: string;
}

export interface LiveRoutine extends LiveObject {
  readonly schema: string;
  readonly kind: 'function' | 'procedure' | 'aggregate' | 'window';
  /** Types of its arguments as DROP FUNCTION takes them. */
  readonly arguments: string;
  /** Types of its input arguments by their names in pg_type, e.g. "pg_catalog.int4". */
  readonly argumentTypes?: readonly string[];
  readonly language: string;
  readonly volatility: 'i' | 's' | 'v';
  /** Body where it is text (not of C), for what still names something. */
  readonly source: string | null;
}

/** An object that is known by its address alone. */
export interface LiveOther {
  readonly address: Address;
  /** As `pg_identify_object` has it: "extension", "policy", "rule", "default value", "cast", … */
  readonly kind: string;
  /** As `pg_identify_object.identity` has it. */
  readonly identity: string;
  readonly schema: string | null;
  readonly name: string | null;
  /** Relation it belongs to, else 0. */
  readonly relation: number;
}

export interface LiveDependency {
  readonly dependent: Address;
  readonly on: Address;
  /** deptype: n normal, a auto, i internal, P and S partition, e extension, x auto extension. */
  readonly type: string;
}
