import { formatQualifiedName } from './qualified-name.js';
import type { ShadowColumn, ShadowTable } from './shadow.js';

/** A table as the catalogs have it. */
export interface PlacedTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** It holds no rows of its own: its partitions do. */
  readonly isPartitioned: boolean;
  readonly isPartition: boolean;
  /** Its changes are in the WAL. */
  readonly isLogged: boolean;
  /** Number of the file of its rows, which is another one after a rewrite or a TRUNCATE; null of a partitioned one. */
  readonly file: number | null;
  readonly columns: readonly PlacedColumn[];
  /** Numbers of the columns of its primary key, else of another key without NULLs; null: none. */
  readonly key: readonly number[] | null;
}

export interface PlacedColumn {
  readonly number: number;
  readonly name: string;
  /** As format_type prints it. */
  readonly type: string;
  readonly isGenerated: boolean;
  readonly isIdentity: boolean;
  /** Expression of its default; null: none. */
  readonly default: string | null;
}

/** Where a table of the target is in the shadow, before and after the migration has run there. */
export interface TablePlace {
  readonly source: PlacedTable;
  readonly before: PlacedTable | null;
  readonly after: PlacedTable | null;
  /** Dropped, and another of its name made: its columns were found by name. */
  readonly isRemade: boolean;
  /** Another table has its name now, so that somebody may expect the rows there. */
  readonly takenBy: PlacedTable | null;
  readonly columns: readonly PlacedPair[];
}

/** A column of the target and what became of it. */
export interface PlacedPair {
  readonly source: PlacedColumn;
  /** Null: dropped. */
  readonly after: PlacedColumn | null;
  /** Dropped, and another of its name made. */
  readonly isRemade: boolean;
}

/**
 * Where the tables of the target are in a shadow. A table and a column are followed through renames; where one was dropped and
 * another of its name was made, that one takes its rows and values: leaving them out would lose in silence what arrives.
 *
 * @param copied the copy's tables before the migration: by number those of a clone, by name those of another copy
 */
export function placeTables(
  source: readonly PlacedTable[],
  copied: readonly PlacedTable[],
  after: readonly PlacedTable[],
  by: 'number' | 'name',
): TablePlace[] {
  const copies = new Map(
    copied.map((table) => [by === 'number' ? table.oid : nameOf(table), table]),
  );
  const afterByOid = new Map(after.map((table) => [table.oid, table]));
  const afterByName = new Map(after.map((table) => [nameOf(table), table]));
  return source
    .filter(({ isPartitioned }) => !isPartitioned)
    .map((table) => {
      const before = copies.get(by === 'number' ? table.oid : nameOf(table)) ?? null;
      const followed = before && afterByOid.get(before.oid);
      const named = before && afterByName.get(nameOf(before));
      const found = followed ?? named ?? null;
      return {
        ...{ source: table, before, after: found },
        isRemade: !followed && found !== null,
        takenBy: followed && named && named.oid !== followed.oid ? named : null,
        columns: before ? placeColumns(table, before, found, followed !== undefined) : [],
      };
    });
}

const nameOf = (table: PlacedTable): string => formatQualifiedName(table);

function placeColumns(
  source: PlacedTable,
  before: PlacedTable,
  after: PlacedTable | null,
  isFollowed: boolean,
): PlacedPair[] {
  const copies = new Map(before.columns.map((column) => [column.name, column]));
  const byNumber = new Map(after?.columns.map((column) => [column.number, column]));
  const byName = new Map(after?.columns.map((column) => [column.name, column]));
  return source.columns
    .filter(({ isGenerated }) => !isGenerated)
    .map((column) => {
      const copy = copies.get(column.name);
      const followed = isFollowed && copy ? byNumber.get(copy.number) : undefined;
      const found = followed ?? byName.get(column.name);
      // What the shadow computes itself takes no values.
      const place = found && !found.isGenerated ? found : null;
      return { source: column, after: place, isRemade: !followed && place !== null };
    });
}

/** The same as the record of a shadow has it. */
export function mappedTable(place: TablePlace): Omit<ShadowTable, 'transformed' | 'arrived'> {
  const { source, after, columns } = place;
  return {
    oid: source.oid,
    name: formatQualifiedName(source),
    shadowOid: after?.oid ?? null,
    columns: columns.map(
      (pair): ShadowColumn => ({
        number: pair.source.number,
        name: pair.source.name,
        shadowNumber: pair.after?.number ?? null,
      }),
    ),
    key: source.key,
    isLogged: source.isLogged,
  };
}

/** Columns of the table in the shadow that are new, and get no values from the target. */
export function newColumns({ after, columns }: TablePlace): readonly PlacedColumn[] {
  const taken = new Set(columns.map((pair) => pair.after?.number));
  return (
    after?.columns.filter(({ number, isGenerated }) => !isGenerated && !taken.has(number)) ?? []
  );
}

/**
 * Columns whose values may be others than what the target's would be as the shadow's type. Of a table that was made anew, columns of
 * the same name and type are taken to have been filled from the old ones.
 */
export function retypedColumns({ columns, isRemade }: TablePlace): readonly PlacedPair[] {
  return columns.filter(
    (pair) =>
      pair.after !== null && ((pair.isRemade && !isRemade) || pair.after.type !== pair.source.type),
  );
}
