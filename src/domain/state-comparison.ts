import { formatQualifiedName, type QualifiedName } from './qualified-name.js';
import type {
  RehearsedColumn,
  RehearsedSequence,
  RehearsedTable,
  RowIdentity,
} from './rehearsal.js';

/** A column of a table before or after a migration. */
export interface StateColumn {
  /** attnum: it stays the column's own, whatever the column is called. */
  readonly number: number;
  readonly name: string;
  /** As format_type prints it. */
  readonly type: string;
  readonly typeId: number;
  readonly typeModifier: number;
  /** typtype: "b" base, "e" enum, "d" domain, "c" composite, "r" range, "m" multirange. */
  readonly typeKind: string;
  /** "" stored by whoever writes, "s" generated and stored, "v" generated when it is read. */
  readonly generated: string;
  /** How a generated column is computed. */
  readonly expression: string | null;
  /** Older rows have the value that ADD COLUMN gave as DEFAULT, without having been written. */
  readonly hasMissingValue: boolean;
}

/** A unique index over columns that are never null. */
export interface StateKey {
  readonly isPrimary: boolean;
  /** Numbers of its columns. */
  readonly columns: readonly number[];
}

/** A table with rows of its own, before or after a migration. */
export interface StateTable extends QualifiedName {
  readonly oid: number;
  /** Another one: all rows were written anew. */
  readonly fileNode: number;
  /** Its rows have the places and transaction numbers that PostgreSQL's own tables have. */
  readonly isHeap: boolean;
  readonly columns: readonly StateColumn[];
  /** The primary key first, then those with the fewest columns. */
  readonly keys: readonly StateKey[];
}

/** A table and what became of it. */
export type TablePair =
  | { readonly change: 'kept' | 'remade'; readonly before: StateTable; readonly after: StateTable }
  | { readonly change: 'dropped'; readonly before: StateTable; readonly after: null }
  | { readonly change: 'created'; readonly before: null; readonly after: StateTable };

export type KeptPair = Extract<TablePair, { change: 'kept' | 'remade' }>;

/** A column that is there before and after. */
export interface SharedColumn {
  readonly before: StateColumn;
  readonly after: StateColumn;
}

export interface ColumnPairs {
  readonly shared: readonly SharedColumn[];
  readonly dropped: readonly StateColumn[];
  readonly added: readonly StateColumn[];
}

/** How the rows of a table before are found again after. */
export interface RowMatch {
  readonly identity: RowIdentity;
  /** The columns of the key; of "whole row" all that are there before and after. */
  readonly columns: readonly SharedColumn[];
  /** No two rows have the same key, before or after. */
  readonly isUnique: boolean;
}

export interface StateComparison {
  readonly tables: RehearsedTable[];
  /** Tables whose rows were counted or compared. */
  readonly tablesCompared: number;
  /** Tables that nothing had written to and that are as they were. */
  readonly tablesUntouched: number;
  readonly sequences: RehearsedSequence[];
}

/**
 * Tables by OID, which a rename or another schema does not change; one that is gone, by its name with a table that is new.
 * In the order of their names.
 */
export function pairTables(
  before: readonly StateTable[],
  after: readonly StateTable[],
): TablePair[] {
  const left = new Set(before.map(({ oid }) => oid));
  const right = new Map(after.map((table) => [table.oid, table]));
  const created = new Map(
    after.filter(({ oid }) => !left.has(oid)).map((table) => [formatQualifiedName(table), table]),
  );
  const pairs = before.map((table): TablePair => {
    const kept = right.get(table.oid);
    if (kept) return { change: 'kept', before: table, after: kept };
    const remade = created.get(formatQualifiedName(table));
    if (!remade) return { change: 'dropped', before: table, after: null };
    created.delete(formatQualifiedName(table));
    return { change: 'remade', before: table, after: remade };
  });
  for (const table of created.values()) {
    pairs.push({ change: 'created', before: null, after: table });
  }
  const names = new Map(pairs.map((pair) => [pair, pairName(pair)]));
  const nameOf = (pair: TablePair): string => names.get(pair) ?? '';
  return pairs.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0));
}

/** Its name before; of a table that is new, afterwards. */
export function pairName(pair: TablePair): string {
  return formatQualifiedName(pair.change === 'created' ? pair.after : pair.before);
}

/** Columns by number, which a rename does not change; of a table that was made again, by name. */
export function pairColumns({ change, before, after }: KeptPair): ColumnPairs {
  const identify = (column: StateColumn) => (change === 'kept' ? column.number : column.name);
  const right = new Map(after.columns.map((column) => [identify(column), column]));
  const left = new Set(before.columns.map(identify));
  const shared: SharedColumn[] = [];
  const dropped: StateColumn[] = [];
  for (const column of before.columns) {
    const found = right.get(identify(column));
    if (found) shared.push({ before: column, after: found });
    else dropped.push(column);
  }
  return { shared, dropped, added: after.columns.filter((column) => !left.has(identify(column))) };
}

/** By the primary key of before, else a unique key of before, else the primary key of after, else by all values. */
export function matchRows({ before, after }: KeptPair, shared: readonly SharedColumn[]): RowMatch {
  const byLeft = new Map(shared.map((column) => [column.before.number, column]));
  const byRight = new Map(shared.map((column) => [column.after.number, column]));
  const find = (key: StateKey, columns: ReadonlyMap<number, SharedColumn>) => {
    const found = key.columns.map((number) => columns.get(number));
    return found.every((column) => column !== undefined) ? found : undefined;
  };
  for (const key of before.keys) {
    const columns = find(key, byLeft);
    if (!columns) continue;
    const numbers = new Set(columns.map((column) => column.after.number));
    const identity = key.isPrimary ? 'primary key' : 'unique key';
    return { identity, columns, isUnique: hasKeyWithin(after, numbers) };
  }
  for (const key of after.keys) {
    const columns = key.isPrimary ? find(key, byRight) : undefined;
    if (!columns) continue;
    const numbers = new Set(columns.map((column) => column.before.number));
    return { identity: 'primary key', columns, isUnique: hasKeyWithin(before, numbers) };
  }
  return { identity: 'whole row', columns: shared, isUnique: false };
}

const hasKeyWithin = (table: StateTable, numbers: ReadonlySet<number>): boolean =>
  table.keys.some((key) => key.columns.every((number) => numbers.has(number)));

/** Whether a column's values are of another type than before: a type may be renamed, or another one get its name. */
export function isRetyped({ before, after }: SharedColumn): boolean {
  return before.typeId !== after.typeId || before.typeModifier !== after.typeModifier;
}

/** Whether a value that nobody wrote can read otherwise: one that is computed when it is read, by another expression. */
export function isComputedOtherwise({ before, after }: SharedColumn): boolean {
  const isVirtual = before.generated === 'v' || after.generated === 'v';
  return (
    isVirtual && (before.generated !== after.generated || before.expression !== after.expression)
  );
}

/** How many values of a column were lost, changed and set. */
export interface ValueCounts {
  readonly lost: number;
  readonly changed: number;
  readonly set: number;
}

const noCounts: ValueCounts = { lost: 0, changed: 0, set: 0 };

/** What a table's columns have become, with the counts of the shared, the dropped and the added ones in their order. */
export function describeColumns(
  { shared, dropped, added }: ColumnPairs,
  counts: {
    readonly shared: readonly ValueCounts[];
    /** Values that went with each of them. */
    readonly dropped: readonly number[];
    /** Values that each of them has in rows that were there before. */
    readonly added: readonly number[];
  },
): RehearsedColumn[] {
  const columns = [
    ...shared.map((pair, index): RehearsedColumn => {
      const { lost, changed, set } = counts.shared[index] ?? noCounts;
      const { before, after } = pair;
      return {
        column: before.name,
        renamedTo: before.name === after.name ? null : after.name,
        change: isRetyped(pair) ? 'retyped' : 'kept',
        ...{ valuesLost: lost, valuesChanged: changed, valuesSet: set },
      };
    }),
    ...dropped.map(({ name }, index): RehearsedColumn => {
      const valuesLost = counts.dropped[index] ?? 0;
      const none = { renamedTo: null, valuesChanged: 0, valuesSet: 0 };
      return { column: name, change: 'dropped', valuesLost, ...none };
    }),
    ...added.map(({ name }, index): RehearsedColumn => {
      const valuesSet = counts.added[index] ?? 0;
      return {
        column: name,
        renamedTo: null,
        change: 'added',
        valuesLost: 0,
        valuesChanged: 0,
        valuesSet,
      };
    }),
  ];
  return columns.filter(isWorthSaying);
}

const isWorthSaying = (column: RehearsedColumn): boolean =>
  column.change !== 'kept' ||
  column.renamedTo !== null ||
  column.valuesLost + column.valuesChanged + column.valuesSet > 0;

/** Whether there is anything to report of a table. */
export function isTableChanged(table: RehearsedTable): boolean {
  return (
    table.change !== 'kept' ||
    table.renamedTo !== null ||
    table.columns.length > 0 ||
    table.rowsInserted + table.rowsDeleted + table.rowsUpdated > 0
  );
}
