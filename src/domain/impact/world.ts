import type { Finding } from './finding.js';
import type {
  Address,
  LiveCatalog,
  LiveConstraint,
  LiveIndex,
  LiveRelation,
  LiveTrigger,
  LiveType,
} from './live-catalog.js';
import type { MeasuredTable } from './measure.js';

/** A node of PostgreSQL's grammar, as `libpg-query` gives it. */
export type Tree = Readonly<Record<string, unknown>>;

/** A name as the grammar has it; without a schema it is looked up in the search path. */
export interface RelationName {
  readonly schema?: string | undefined;
  readonly name: string;
}

/** A table, view, sequence, … at the moment at which a statement runs: with its present name. */
export interface WorldRelation {
  /** Of what is in the live database its address, "pg_class/16391/0"; of what the script made "new/1". */
  readonly id: Address;
  readonly schema: string;
  readonly name: string;
  /** relkind, see {@link LiveRelation}. */
  readonly kind: LiveRelation['kind'];
  /** Made by the script; such rows as it has are the script's own, and nothing of it can be lost. */
  readonly isNew: boolean;
  readonly isTemporary: boolean;
  /** As it is in the live database, under its live name; null where it is new. */
  readonly live: LiveRelation | null;
  /** Statements of the script (from 1) that change its rows. */
  readonly touchedBy: readonly number[];
}

export interface WorldColumn {
  /** For {@link World.drop}. */
  readonly id: Address;
  readonly relation: Address;
  readonly name: string;
  /** As `format_type` prints it; of a column that the script made as it is written there. */
  readonly type: string;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  readonly isGenerated: boolean;
  readonly isIdentity: boolean;
  /** Made by the script. */
  readonly isNew: boolean;
  /** Attribute number and name in the live database; null where it is new. */
  readonly live: { readonly number: number; readonly name: string; readonly type: string } | null;
  /** Statements of the script (from 1) that give it other values, changes of its type included. */
  readonly touchedBy: readonly number[];
}

/** An object that goes because another one goes. */
export interface Dropped {
  readonly id: Address;
  /** "table", "column", "view", "materialized view", "sequence", "type", "domain", "function", "constraint", "index", … */
  readonly kind: string;
  /** For people: `schema.name`, or `schema.table.column`, or as `pg_identify_object` has it. */
  readonly name: string;
  /** Table that it is a part of, where that stays. */
  readonly relation: WorldRelation | null;
  /** Of a table, view, sequence, …: itself, as it was. */
  readonly self: WorldRelation | null;
  /** Of a column: as it was. */
  readonly column: WorldColumn | null;
  /** The named object or one that goes with it of itself; false: only because of CASCADE. */
  readonly isOwn: boolean;
  /** Id of another one that goes, and of which this one is a part: it needs no telling. */
  readonly owner: Address | null;
  /** Name of what takes it along; null for what the statement names. */
  readonly because: string | null;
}

/** What goes with objects, found by following the dependencies as PostgreSQL does. */
export interface DropResult {
  readonly dropped: readonly Dropped[];
  /** Without CASCADE: what depends on it, so that the statement fails. Empty: it does not fail. */
  readonly inTheWay: readonly Dropped[];
}

/** SQL for counting in the live database, or why there is none. */
export type LiveSql = { readonly sql: string } | { readonly unmeasured: string };

/**
 * The database as a script finds it at one of its statements: the live one, with all that the statements before
 * have done. Statements are analysed one after another; each leaves the world as it will be after it.
 */
export interface World {
  readonly catalog: LiveCatalog;
  /** The statement that is looked at, from 1. */
  readonly statement: number;
  /** An earlier statement did what is not known: what seems to be missing may be there. */
  readonly isUncertain: boolean;
  /** In force now, as `SET search_path` takes it. */
  readonly searchPath: string;

  findRelation(name: RelationName): WorldRelation | undefined;
  /** By oid of the live database; undefined where the script has dropped it. */
  relationByOid(oid: number): WorldRelation | undefined;
  columnsOf(relation: WorldRelation): readonly WorldColumn[];
  findColumn(relation: WorldRelation, name: string): WorldColumn | undefined;
  /** What the live database has of the relation and the script has not dropped. Names are the live ones. */
  constraintsOf(relation: WorldRelation): readonly LiveConstraint[];
  indexesOf(relation: WorldRelation): readonly LiveIndex[];
  triggersOf(relation: WorldRelation): readonly LiveTrigger[];
  /** Inheritors and partitions, all levels. */
  descendantsOf(relation: WorldRelation): readonly WorldRelation[];
  findType(name: RelationName): LiveType | undefined;
  /** Columns of tables whose type is, or is made of, this one (arrays, domains over it, composites, ranges). */
  columnsOfType(type: LiveType): readonly { relation: WorldRelation; column: WorldColumn }[];
  /** Schema in which an unqualified new name is made. */
  creationSchema(): string;

  /** What would go; changes nothing. */
  preview(objects: readonly Address[], cascade: boolean): DropResult;
  /** The same, and the world is afterwards without it (nothing happens where something is in the way). */
  drop(objects: readonly Address[], cascade: boolean): DropResult;
  addRelation(relation: {
    readonly schema: string;
    readonly name: string;
    readonly kind: LiveRelation['kind'];
    readonly isTemporary?: boolean;
    /** ON COMMIT DROP. */
    readonly endsAtCommit?: boolean;
    readonly columns?: readonly NewColumn[];
  }): WorldRelation;
  renameRelation(
    relation: WorldRelation,
    to: { readonly schema?: string; readonly name?: string },
  ): void;
  addColumn(relation: WorldRelation, column: NewColumn): void;
  renameColumn(relation: WorldRelation, from: string, to: string): void;
  changeColumn(
    relation: WorldRelation,
    name: string,
    change: Partial<
      Pick<WorldColumn, 'type' | 'notNull' | 'hasDefault' | 'isGenerated' | 'isIdentity'>
    >,
  ): void;
  /** Rows of the relation are other ones from this statement on (its columns where they are named). */
  touch(relation: WorldRelation, columns?: readonly string[]): void;
  /** A live object's constraint or index by name on a relation: its address for {@link drop}. */
  addressOf(
    kind: 'constraint' | 'index' | 'trigger' | 'default',
    relation: WorldRelation,
    name: string,
  ): Address | undefined;

  /** What the script makes besides tables: an index, a constraint, a function, … It goes with what it depends on. */
  addObject(object: NewObject): Address;
  /**
   * By kind as {@link Dropped} has it.
   * @param relation of what belongs to a table: constraints, triggers, policies, rules
   */
  findObject(kind: string, name: RelationName, relation?: WorldRelation): WorldObject | undefined;
  /** All of one name, e.g. overloaded functions. */
  findObjects(kind: string, name: RelationName, relation?: WorldRelation): readonly WorldObject[];
  objectById(id: Address): WorldObject | undefined;
  renameObject(object: WorldObject, to: { readonly schema?: string; readonly name?: string }): void;
  /** "n" or "a", as {@link LiveDependency} has it: for what the script makes. */
  addDependency(dependent: Address, on: Address, type: 'n' | 'a'): void;
  /** A partition or inheritor of it, at any level; also of what the script has dropped. */
  isBelow(relation: WorldRelation, ancestor: WorldRelation): boolean;
  /** OWNED BY. Null: of no column. */
  setSequenceOwner(sequence: WorldRelation, column: Address | null): void;
  /** ATTACH PARTITION and INHERIT; DETACH and NO INHERIT. */
  addParent(child: WorldRelation, parent: WorldRelation): void;
  removeParent(child: WorldRelation, parent: WorldRelation): void;
  /** All relations that there are now, also the script's own. */
  relations(): readonly WorldRelation[];
  /** What depends on an object, directly. */
  dependentsOf(id: Address): readonly Dropped[];
  hasSchema(name: string): boolean;
  addSchema(name: string): void;
  renameSchema(from: string, to: string): void;
  /** Null: back to what it is for everybody. */
  setSearchPath(schemas: readonly string[] | null, options?: { readonly isLocal?: boolean }): void;
  /** A transaction has ended: what SET LOCAL has set does not hold any more. */
  endTransaction(): void;

  /** The live table below a relation, for counting; undefined where it is new. */
  measured(relation: WorldRelation): MeasuredTable | undefined;
  /** Earlier statements because of which counts of the relation (its columns) are not what they will be. */
  touchedBefore(relation: WorldRelation, columns?: readonly string[]): readonly number[];
  /**
   * An expression over one relation's own columns, in the names of the live database: for measures that are one scan. Not
   * where it has subqueries, calls a volatile function, or needs what the script makes.
   * @param alias another name by which the expression calls the relation
   */
  expression(node: Tree, relation: WorldRelation, alias?: string): LiveSql;
  /** A whole SELECT, in the names of the live database. */
  query(select: Tree): LiveSql;
}

/** Anything but tables, views and the like. */
export interface WorldObject {
  readonly id: Address;
  /** As {@link Dropped} has it. */
  readonly kind: string;
  /** Null of what lies in no schema, or belongs to a table. */
  readonly schema: string | null;
  readonly name: string;
  /** Table that it belongs to. */
  readonly relation: Address | null;
  /** For people, see {@link Dropped}. */
  readonly identity: string;
  readonly isNew: boolean;
}

export interface NewObject {
  readonly kind: string;
  readonly schema?: string | null;
  readonly name: string;
  readonly relation?: WorldRelation;
  /** Arguments of a function as they are printed. */
  readonly arguments?: string;
  /** What it goes with without being asked. */
  readonly partOf?: readonly Address[];
  /** What it is in the way of, and goes with by CASCADE. */
  readonly dependsOn?: readonly Address[];
}

export interface NewColumn {
  readonly name: string;
  readonly type: string;
  readonly notNull?: boolean;
  readonly hasDefault?: boolean;
  readonly isGenerated?: boolean;
  readonly isIdentity?: boolean;
}

/** A statement as an analyser gets it. */
export interface AnalysedStatement {
  readonly sql: string;
  readonly kind: string;
  readonly tree: Tree;
}

/** Says what statements of one kind do, and leaves the world as it is after them. */
export type Analyser = (statement: AnalysedStatement, world: World) => readonly Finding[];

/** Analysers by the name of the grammar's node, e.g. "DropStmt". */
export type Analysers = Readonly<Record<string, Analyser>>;
