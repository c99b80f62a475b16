import type { KeptColumn, RowIdentity } from '../../domain/record-backup.js';
import { quoteIdentifier } from '../session.js';
import type { KeptTable, TableColumn } from './kept-table.js';

/** What finds the rows of a table again. */
export interface Identity {
  readonly kind: RowIdentity;
  readonly columns: readonly TableColumn[];
}

/** Columns that are written, in their order: what is computed is computed again. */
export function plainColumns({ columns }: KeptTable): readonly TableColumn[] {
  return columns.filter(({ isGenerated }) => !isGenerated);
}

/**
 * @param without numbers of columns that do not find the row again after the statement: it takes them away
 */
export function identify(table: KeptTable, without: ReadonlySet<number> = new Set()): Identity {
  const columns = plainColumns(table).filter(({ number }) => !without.has(number));
  const byNumber = new Map(columns.map((column) => [column.number, column]));
  const key = table.keys.find((each) => each.columns.every((number) => byNumber.has(number)));
  if (!key) return { kind: 'whole-row', columns };
  const kind = key.isPrimary ? 'primary-key' : 'unique-key';
  return { kind, columns: key.columns.flatMap((number) => byNumber.get(number) ?? []) };
}

const reference = ({ name }: TableColumn, row: string): string => `${row}.${quoteIdentifier(name)}`;

/** Whether there is a value. `IS NOT NULL` would ask each field of a composite one. */
export const hasValue = (column: TableColumn, row: string): string =>
  `${reference(column, row)} IS DISTINCT FROM NULL`;

/**
 * A value as the backup keeps it, with nothing in its type that somebody could drop. As text it is what the type's own output
 * function gives, which `::text` is not where the type has a cast of its own.
 */
export function storedValue(column: TableColumn, row: string): string {
  const value = reference(column, row);
  const { nativeType, isDomain, isCollatable } = column;
  const collation = 'COLLATE pg_catalog."default"';
  if (nativeType === null) {
    return `CASE WHEN ${hasValue(column, row)} THEN pg_catalog.concat(${value}) ${collation} END`;
  }
  const native = isDomain ? `${value}::${nativeType}` : value;
  return isCollatable ? `(${native}) ${collation}` : native;
}

/** Differ in any byte: not every type has an equality, and to some of those -0 is 0. The casts keep it from going by columns. */
export function differs(one: readonly string[], other: readonly string[]): string {
  const row = (values: readonly string[]) => `ROW(${values.join(', ')})::pg_catalog.record`;
  return `${row(one)} OPERATOR(pg_catalog.*<>) ${row(other)}`;
}

export interface KeptPlaces {
  readonly before: string;
  readonly after?: string | null;
  readonly isKey: boolean;
}

export function keptColumn(column: TableColumn, places: KeptPlaces): KeptColumn {
  const { name, number, type, nativeType } = column;
  const { before, after = null, isKey } = places;
  const form = nativeType === null ? 'text' : 'native';
  return { name, number, type, before, after, form, isKey };
}

/** Names of the backup's own columns. */
export const keyName = (index: number): string => `k${index + 1}`;
export const valueName = (index: number): string => `v${index + 1}`;
export const afterName = (name: string): string => `${name}_after`;

/** `expression AS name`, for each column. */
export function selectStored(
  columns: readonly TableColumn[],
  row: string,
  nameOf: (index: number) => string,
): string[] {
  return columns.map((column, index) => `${storedValue(column, row)} AS ${nameOf(index)}`);
}

/** The columns of whole rows. */
export function wholeRows(table: KeptTable): {
  readonly identity: Identity;
  readonly columns: readonly TableColumn[];
  readonly kept: readonly KeptColumn[];
} {
  const identity = identify(table);
  const keys = new Set(identity.columns);
  const columns = plainColumns(table);
  const kept = columns.map((column, index) =>
    keptColumn(column, { before: valueName(index), isKey: keys.has(column) }),
  );
  return { identity, columns, kept };
}
