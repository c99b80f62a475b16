import {
  type ColumnShape,
  keepsRows,
  type Placed,
  type Placement,
  type TableShape,
} from '../../domain/data-rollback.js';
import type { KeptColumn } from '../../domain/record-backup.js';
import { quoteIdentifier as quote } from '../session.js';

/**
 * Rows of a table as they are at some point of a rollback: those of the table itself, or what a query makes of them, under the
 * names that the columns have after the step. So what a backup brings back can be counted before anything is done.
 */
export interface Relation {
  /** A query in brackets, for FROM. Its rows say with "belay there" that they are rows, whatever their columns. */
  readonly sql: string;
  readonly columns: ReadonlyMap<string, RelationColumn>;
  /** Ids of the backups that have given rows or values; "belay from N" is the place of the record, or NULL. */
  readonly sources: readonly number[];
}

export interface RelationColumn {
  readonly type: string;
  /** What it gives is the value's text: its type is not there now, or is another one before the step. */
  readonly isText: boolean;
}

/** Types that are there, so that a value can be of them. */
export type KnownTypes = ReadonlySet<string>;

const there = '"belay there"';
const tableOid = '"belay table"';
/** Which row of the table it was when that was read from its beginning to its end; NULL where nobody has to know. */
export const line = '"belay line"';
/** Where a row of a real table is. */
export const rowPlace = '"belay place"';
export const sourceOf = (id: number): string => quote(`belay from ${id}`);

/** The records of a backup. */
const dataTableOf = ({ backup }: Pick<Placement, 'backup'>): string =>
  `belay.${quote(backup.dataTable ?? '')}`;

/** Verdicts on single records of a backup: temporary, of this transaction. */
export const verdictsOf = ({ backup }: Pick<Placement, 'backup'>): string =>
  `pg_temp.${quote(`belay_verdicts_${backup.id}`)}`;

/** Of inheritance each table has backups of its own rows; a partitioned table has those of its partitions. */
export function isWhole({ table }: Pick<Placement, 'table'>): boolean {
  return table.isPartitioned;
}

/**
 * A value's text as the backup keeps it where it keeps texts: what the type's own output function gives, which `::text` is not
 * where the type has a cast of its own.
 */
export function textOf(sql: string, form: KeptColumn['form']): string {
  if (form === 'native') return `${sql}::text`;
  return `CASE WHEN ${sql} IS DISTINCT FROM NULL THEN pg_catalog.concat(${sql}) END`;
}

/** @param columns of the relation: the name that is there now, or null where the step makes it, and the column afterwards */
export function baseRelation(
  from: string | null,
  columns: readonly { readonly now: ColumnShape | null; readonly then: ColumnShape }[],
  known: KnownTypes,
  isNumbered = false,
): Relation {
  const number = isNumbered ? 'pg_catalog.row_number() OVER ()' : 'NULL::bigint';
  const described = columns.map(({ now, then }) => {
    const isText = now ? now.type !== then.type : !known.has(then.type);
    const sql = now ? `p.${quote(now.name)}` : `NULL::${isText ? 'text' : then.type}`;
    return { name: then.name, sql: now && isText ? `${sql}::text` : sql, type: then.type, isText };
  });
  const list = described.map(({ name, sql }) => `, ${sql} AS ${quote(name)}`).join('');
  const own = from === null ? 'NULL::oid' : 'p.tableoid';
  const rows = from === null ? 'WHERE false' : `FROM ${from} p`;
  return {
    sql: `(SELECT true AS ${there}, ${own} AS ${tableOid}, ${number} AS ${line}${list} ${rows})`,
    columns: new Map(described.map(({ name, type, isText }) => [name, { type, isText }])),
    sources: [],
  };
}

/** The relation a step later: its columns under other names, some gone and some new. */
export function carryRelation(
  relation: Relation,
  columns: readonly { readonly now: ColumnShape | null; readonly then: ColumnShape }[],
  known: KnownTypes,
): Relation {
  const described = columns.map(({ now, then }) => {
    const before = now ? relation.columns.get(now.name) : undefined;
    const isText = before ? before.isText || before.type !== then.type : !known.has(then.type);
    const sql = now && before ? `p.${quote(now.name)}` : `NULL::${isText ? 'text' : then.type}`;
    const cast = before && isText && !before.isText ? '::text' : '';
    return { name: then.name, sql: `${sql}${cast}`, type: then.type, isText };
  });
  const list = described.map(({ name, sql }) => `, ${sql} AS ${quote(name)}`).join('');
  return {
    sql: `(SELECT p.${there}, p.${tableOid}, p.${line}${list} FROM ${relation.sql} p)`,
    columns: new Map(described.map(({ name, type, isText }) => [name, { type, isText }])),
    sources: [],
  };
}

/** The columns of a table before and after a step, by the catalog's identity. */
export function columnsThroughStep(before: TableShape | null, after: TableShape) {
  return after.columns.map((then) => ({
    now: before?.columns.find(({ number }) => number === then.number) ?? null,
    then,
  }));
}

const bare = (type: string): string => type.replace(/\([^)]*\)/, '');

/** A kept value as a value of the column. What was of the same kind is assigned: too long a text fails instead of being cut. */
export function keptValue({ kept, column }: Placed): string {
  const sql = `b.${quote(kept.before)}`;
  if (kept.form === 'text') return `${sql}::${column.type}`;
  return bare(kept.type) === bare(column.type) ? sql : `${sql}::text::${column.type}`;
}

const byBytes = 'COLLATE pg_catalog."C"';

/** How a record finds its row: FROM items for both sides, and the condition between them. */
export interface Match {
  /** The rows, as p. */
  readonly rows: string;
  /** The records, as b; with `tid`, the record's place. */
  readonly records: string;
  readonly on: string;
}

export interface MatchOptions {
  /** By which of its values a record is found: those that the migration left, or those from before it. */
  readonly by: 'after' | 'before';
  /** Null: there are none yet. */
  readonly verdicts: Verdicts | null;
  /** The rows are those of a table itself, not of a query. */
  readonly isTable?: boolean;
}

/**
 * By the key; without one by all values together, the first of equal rows with the first of equal records, and so on. Texts
 * stand for values then: not every type has an equality, and NULL is equal to NULL.
 */
export function matchOf(
  placement: Placement,
  relation: Pick<Relation, 'sql' | 'columns'>,
  { by, verdicts, isTable = false }: MatchOptions,
): Match {
  const { backup, keys } = placement;
  const records = recordsOf(placement, verdicts);
  const side = ({ kept }: Placed) => `b.${quote((by === 'after' && kept.after) || kept.before)}`;
  // What a conversion left has become a value of the old type again, unless the values still are as it left them.
  const sideText = (key: Placed) => {
    const { isText } = relation.columns.get(key.column.name) ?? {};
    const isBack = by === 'after' && key.kept.after && backup.kind === 'conversion' && !isText;
    const text = `${side(key)}::text`;
    return isBack ? textOf(`(${text}::${key.column.type})`, key.kept.form) : text;
  };
  const inTable = backup.columns.find(({ number, isKey }) => isKey && number < 0);
  const ownOid = isTable ? 'p.tableoid' : `p.${tableOid}`;
  const sameTable = inTable ? [`${ownOid} = b.${quote(inTable.before)}`] : [];
  if (backup.identity !== 'whole-row') {
    const parts = keys.map((key) => {
      const own = `p.${quote(key.column.name)}`;
      const { isText = false, type = '' } = relation.columns.get(key.column.name) ?? {};
      const isNative = !isText && key.kept.form === 'native' && key.kept.type === type;
      const isSame = isNative && !(by === 'after' && key.kept.after && backup.kind !== 'update');
      if (!isSame) {
        const now = isText ? own : textOf(own, key.kept.form);
        return `${now} ${byBytes} = ${sideText(key)} ${byBytes}`;
      }
      const { collation } = key.column;
      return `${own} = ${side(key)}${collation === null ? '' : ` COLLATE ${collation}`}`;
    });
    return { rows: relation.sql, records, on: [...parts, ...sameTable].join(' AND ') };
  }
  const numbered = (values: readonly string[], from: string, alias: string, order: string) =>
    `(SELECT n.*, pg_catalog.row_number() OVER (PARTITION BY n."belay row"${order}) AS "belay number"
        FROM (SELECT ${alias}.*, ROW(${values.join(', ')})::text ${byBytes} AS "belay row"
                FROM ${from} ${alias}) n)`;
  const own = [
    ...keys.map(({ column, kept: { form } }) => {
      const { isText } = relation.columns.get(column.name) ?? {};
      const sql = `p.${quote(column.name)}`;
      return isText ? sql : textOf(sql, form);
    }),
    ...(inTable ? [`p.${tableOid}::text`] : []),
  ];
  const kept = [...keys.map(sideText), ...(inTable ? [`b.${quote(inTable.before)}::text`] : [])];
  return {
    rows: numbered(own, relation.sql, 'p', ''),
    records: numbered(kept, records, 'b', ' ORDER BY n.tid'),
    on: 'p."belay row" = b."belay row" AND p."belay number" = b."belay number"',
  };
}

/** Condition: the migration changed this value of the record b; what it left as it was is not put back. */
export function isChanged({ kept }: Placed): string {
  if (kept.after === null) return 'true';
  return `b.${quote(kept.before)}::text ${byBytes} IS DISTINCT FROM b.${quote(kept.after)}::text ${byBytes}`;
}

/** Condition: nothing speaks against putting this part of the record b back. 0 is the whole record. */
export const isFree = (part: number): string => `b.${quote(`belay out ${part}`)} IS NOT TRUE`;

/** What stands against records. */
export interface Verdicts {
  /** What is changed since comes back all the same: rows and values that are there now are overwritten. */
  readonly overwrites: boolean;
}

/** Condition on verdicts e: those that keep a record from coming back. */
const keepsOut = ({ overwrites }: Verdicts): string =>
  overwrites ? `e.why <> 'conflict'` : 'true';

/** The records of a backup as b, with `tid` and, where there are verdicts, what these say. */
export function recordsOf(placement: Placement, verdicts: Verdicts | null): string {
  const data = dataTableOf(placement);
  if (!verdicts) return `(SELECT b.*, b.ctid AS tid FROM ${data} b)`;
  const parts = [0, ...placement.values.map((_, index) => index + 1)];
  const outs = parts.map(
    (part) => `bool_or(e.part IN (0, ${part})) AS ${quote(`belay out ${part}`)}`,
  );
  const names = parts.map((part) => `e.${quote(`belay out ${part}`)}`).join(', ');
  return `(SELECT b.*, b.ctid AS tid, ${names} FROM ${data} b
             LEFT JOIN (SELECT e.record, ${outs.join(', ')} FROM ${verdictsOf(placement)} e
                         WHERE ${keepsOut(verdicts)} GROUP BY e.record) e ON e.record = b.ctid)`;
}

/** The relation after a backup was put back. */
export function withBackup(relation: Relation, placement: Placement, verdicts: Verdicts): Relation {
  return keepsRows(placement.backup)
    ? withRows(relation, placement, verdicts)
    : withValues(relation, placement, verdicts);
}

function shown(placed: Placed, { isText }: RelationColumn): string {
  return isText ? `b.${quote(placed.kept.before)}::text` : keptValue(placed);
}

function withValues(relation: Relation, placement: Placement, verdicts: Verdicts): Relation {
  const { backup, values } = placement;
  const match = matchOf(placement, relation, { by: 'after', verdicts });
  const parts = [...relation.columns].map(([name, column]) => {
    const index = values.findIndex((one) => one.column.name === name);
    const placed = values[index];
    if (!placed) return `p.${quote(name)}`;
    const isBack = `b.tid IS NOT NULL AND ${isChanged(placed)} AND ${isFree(index + 1)}`;
    return `CASE WHEN ${isBack} THEN ${shown(placed, column)} ELSE p.${quote(name)} END AS ${quote(name)}`;
  });
  const sources = relation.sources.map((id) => `p.${sourceOf(id)}`);
  const list = [`p.${there}`, `p.${tableOid}`, `p.${line}`, ...parts, ...sources].join(', ');
  return {
    sql: `(SELECT ${list}, b.tid AS ${sourceOf(backup.id)} FROM ${match.rows} p LEFT JOIN ${match.records} b ON ${match.on})`,
    columns: relation.columns,
    sources: [...relation.sources, backup.id],
  };
}

function withRows(relation: Relation, placement: Placement, verdicts: Verdicts): Relation {
  const { backup, values } = placement;
  const names = [...relation.columns];
  const columns = names.map(([name]) => `p.${quote(name)}`);
  const own = relation.sources.map((id) => `p.${sourceOf(id)}`);
  const kept = names.map(([name, column]) => {
    const placed = values.find((one) => one.column.name === name);
    return placed ? shown(placed, column) : `NULL::${column.isText ? 'text' : column.type}`;
  });
  const list = (first: readonly string[], rest: readonly string[]) =>
    [...first, ...rest].join(', ');
  const match = matchOf(placement, relation, { by: 'before', verdicts: null });
  const isReplaced =
    verdicts.overwrites && canBeThere(placement)
      ? `WHERE NOT EXISTS (SELECT FROM ${match.records} b WHERE ${match.on})`
      : '';
  return {
    sql: `(SELECT ${list([`p.${there}`, `p.${tableOid}`, `p.${line}`], [...columns, ...own])}, NULL::tid AS ${sourceOf(backup.id)}
             FROM ${relation.sql} p ${isReplaced}
           UNION ALL
           SELECT ${list(['true', 'NULL::oid', 'NULL::bigint'], [...kept, ...own.map(() => 'NULL::tid')])}, b.tid
             FROM ${recordsOf(placement, verdicts)} b WHERE ${isFree(0)})`,
    columns: relation.columns,
    sources: [...relation.sources, backup.id],
  };
}

/** Whether a row with a record's key may be there again: in a table that is made anew there is none. */
export function canBeThere({ backup, before, keys }: Placement): boolean {
  const wanted = backup.columns.filter(({ isKey, number }) => isKey && number >= 0);
  return before !== null && backup.identity !== 'whole-row' && keys.length === wanted.length;
}

/** A table as it is, for finding rows in it: as a query, with the place of each row. */
export function tableRelation(placement: Pick<Placement, 'table' | 'backup'>): Relation {
  const from = isWhole(placement) ? placement.table.sql : `ONLY ${placement.table.sql}`;
  return {
    sql: `(SELECT p.*, p.ctid AS ${rowPlace}, p.tableoid AS ${tableOid} FROM ${from} p)`,
    columns: new Map(
      placement.table.columns.map(({ name, type }) => [name, { type, isText: false }]),
    ),
    sources: [],
  };
}

/**
 * Whether a conversion has changed what finds its rows: after the way back of the type that is something else again. Then the rows
 * are known by their order, which a table that is written anew keeps.
 */
export function isFoundByOrder({ backup, keys }: Placement): boolean {
  return backup.kind === 'conversion' && keys.some(({ kept }) => kept.after !== null);
}

/** Which record belongs to which row by its order: temporary, of this transaction. */
export const linesOf = ({ backup }: Pick<Placement, 'backup'>): string =>
  `pg_temp.${quote(`belay_lines_${backup.id}`)}`;
