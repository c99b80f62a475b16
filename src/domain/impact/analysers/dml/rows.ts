import { quotedName } from '../../../quoted-sql.js';
import type { Measure, MeasuredTable } from '../../measure.js';
import type { Tree, World } from '../../world.js';
import type { DmlTarget } from './target.js';

/** Rows of a live table: those for which a condition over its own columns is true; null: all of them. */
export interface Rows {
  readonly table: MeasuredTable;
  readonly condition: string | null;
  /** The condition needs no other rows, so that it can be part of the one scan of the table. */
  readonly isSimple: boolean;
  /**
   * Query for where the rows lie that the statement names; conditions know it as `belay_matched`. It stands at the top of a counting
   * query, because a subquery further down would see columns of the tables around it: what the script has dropped, for one.
   */
  readonly matched?: string | undefined;
}

export type MatchedRows = Rows | { readonly unmeasured: string };

/** What a statement says about which rows it means. */
export interface Matching {
  readonly where: Tree | undefined;
  /** Other tables that it joins. */
  readonly from: readonly Tree[];
  readonly withClause: Tree | undefined;
}

export const sourceSql = ({ sql, only }: MeasuredTable): string => (only ? `ONLY ${sql}` : sql);

export const columnRef = (...fields: readonly string[]): Tree => ({
  ColumnRef: { fields: fields.map((sval) => ({ String: { sval } })) },
});

export const select = (parts: Tree): Tree => ({
  SelectStmt: { limitOption: 'LIMIT_OPTION_DEFAULT', op: 'SETOP_NONE', ...parts },
});

export const target = (val: Tree, name?: string): Tree => ({
  ResTarget: name === undefined ? { val } : { name, val },
});

export const allOf = (args: readonly Tree[]): Tree | undefined =>
  args.length < 2 ? args[0] : { BoolExpr: { boolop: 'AND_EXPR', args } };

/** Where rows lie: their identity within one snapshot, also in partitions. */
const places = ['tableoid', 'ctid'];

const isMatched = '(tableoid, ctid) IN (SELECT place_in, place FROM belay_matched)';

/** A query over the rows. */
export function countingQuery({ table, matched }: Rows, sql: string): Measure {
  const before =
    matched === undefined
      ? ''
      : `WITH belay_matched (place_in, place) AS MATERIALIZED (${matched}) `;
  const { searchPath } = table;
  return { what: 'query', sql: `${before}${sql}`, searchPath, tables: [table] };
}

/** The rows that a statement means, as SQL for the live database. */
export function matchedRows(
  world: World,
  { relation, table, range, alias }: DmlTarget,
  { where, from, withClause }: Matching,
): MatchedRows {
  if (table === null) return { unmeasured: 'the script makes the table' };
  if (from.length === 0) {
    if (where === undefined) return { table, condition: null, isSimple: true };
    if ('CurrentOfExpr' in where) {
      return { unmeasured: 'which row a cursor stands at is known only when it runs' };
    }
    const own = withClause ? undefined : world.expression(where, relation, alias);
    if (own && 'sql' in own) return { table, condition: own.sql, isSimple: true };
  }
  const aliased = { RangeVar: { ...range, alias: { aliasname: alias } } };
  const query = world.query(
    select({
      targetList: places.map((name) => target(columnRef(alias, name), name)),
      fromClause: [aliased, ...from],
      ...(where ? { whereClause: where } : {}),
      ...(withClause ? { withClause } : {}),
    }),
  );
  if ('unmeasured' in query) return query;
  return { table, condition: isMatched, isSimple: false, matched: query.sql };
}

const whereSql = (condition: string | null): string =>
  condition === null ? '' : ` WHERE ${condition}`;

/** Values of columns, for each of the rows. */
export function selectFrom({ table, condition }: Rows, list: string): string {
  return `SELECT ${list} FROM ${sourceSql(table)}${whereSql(condition)}`;
}

export function countRows(rows: Rows): Measure {
  const { table, condition, isSimple } = rows;
  if (isSimple) return { what: 'rows', table, where: condition };
  return countingQuery(rows, selectFrom(rows, 'count(*) AS rows'));
}

/** Rows, and those in which one of the columns (names of the live database) has a value. */
export function countOverwritten(rows: Rows, columns: readonly string[]): Measure {
  const { table, condition, isSimple } = rows;
  const quoted = columns.map((name) => quotedName(name));
  if (isSimple) return { what: 'overwrites', table, where: condition, columns: quoted };
  const isSet = quoted.map((name) => `${name} IS NOT NULL`).join(' OR ');
  const values = quoted.length === 0 ? '0::bigint' : `count(*) FILTER (WHERE ${isSet})`;
  return countingQuery(rows, selectFrom(rows, `count(*) AS rows, ${values} AS values`));
}

/** Both conditions, of which either may be for all rows. */
export function both(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other;
  return `(${one}) AND (${other})`;
}
