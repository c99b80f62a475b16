import { pipeline } from 'node:stream/promises';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type {
  KeptPair,
  RowMatch,
  StateColumn,
  ValueCounts,
} from '../../domain/state-comparison.js';
import { mapPostgresError } from '../pg-error.js';
import type { Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import {
  type ComparedColumn,
  columnOf,
  inComparedForm,
  keyAfter,
  keyBefore,
  printed,
  printedAsBefore,
  typedKey,
} from './compare-values.js';

/** A table to be compared, with its columns as they are put into the same form. */
export interface RowScope {
  readonly pair: KeptPair;
  readonly match: RowMatch;
  readonly key: readonly ComparedColumn[];
  readonly shared: readonly ComparedColumn[];
  readonly dropped: readonly StateColumn[];
  readonly added: readonly StateColumn[];
}

/** The rows among which all that differ are, as conditions on table `t`; several of before are read one after another. */
export interface Candidates {
  readonly before: readonly string[];
  readonly after: string;
}

export interface RowCounts {
  readonly inserted: number;
  readonly deleted: number;
  readonly updated: number;
  readonly shared: readonly ValueCounts[];
  /** Values of the dropped columns, and of the added ones: among all candidates, and of rows that stay. */
  readonly dropped: readonly PartCount[];
  readonly added: readonly PartCount[];
  readonly candidatesAfter: number;
}

export interface PartCount {
  readonly all: number;
  readonly kept: number;
}

const loadedTable = 'pg_temp.belay_before';
const doingRows = ({ pair }: RowScope): string =>
  `comparing the rows of ${pair.before.schema}.${pair.before.name}`;

/** Brings the candidates of before into a temporary table of the database after, which is thrown away with it. */
export async function loadBefore(
  sides: { readonly before: Session; readonly after: Session },
  scope: RowScope,
  conditions: readonly string[],
): Promise<void> {
  const { key, shared, dropped, match, pair } = scope;
  const doing = doingRows(scope);
  // Of "whole row" the values are the key: they need not be brought twice.
  const keys = match.identity === 'whole row' ? [] : key;
  const definitions = [
    'x bool',
    ...keys.map((column, index) => `k${index} ${typedKey(column.pair) ?? 'text'}`),
    ...shared.map((_, index) => `c${index} text`),
    ...dropped.map((_, index) => `d${index} text`),
  ];
  await sides.after.execute(
    `DROP TABLE IF EXISTS ${loadedTable}; CREATE TEMP TABLE belay_before (${definitions.join(', ')})`,
    doing,
  );
  const values = [
    'true',
    ...keys.map((column) => columnOf('t', column.pair.before)),
    ...shared.map((column) => columnOf('t', column.pair.before)),
    ...dropped.map((column) => columnOf('t', column)),
  ];
  for (const condition of conditions) {
    const source = sides.before.client.query(
      copyTo(
        `COPY (SELECT ${values.join(', ')} FROM ONLY ${quoteQualifiedName(pair.before)} t WHERE ${condition}) TO STDOUT`,
      ),
    );
    const sink = sides.after.client.query(copyFrom(`COPY ${loadedTable} FROM STDIN`));
    // A connection that is closed tells its open streams once more: with nobody listening that would end the process.
    for (const stream of [source, sink]) stream.on('error', () => {});
    try {
      await pipeline(source, sink);
    } catch (error) {
      throw mapPostgresError(error, doing);
    }
  }
  // Without it the planner would not know that a key is there once.
  const known = keys.length === 0 ? 'x' : keys.map((_, index) => `k${index}`).join(', ');
  await sides.after.execute(`ANALYZE ${loadedTable} (${known})`, doing);
}

const list = (items: readonly string[]): string => items.join(', ');

/**
 * Both sides' candidates, joined by the key: `b` as they were loaded, `a` as they are, each with k… (the key), c… (values as
 * text); `b` also with d… (dropped columns), `a` with o… (values as the old type has them) and e… (added columns).
 * OFFSET keeps the planner from reading the table in the order of an index, to save sorting a few rows.
 */
function joined(scope: RowScope, after: string): string {
  const { match, key, shared, dropped, added, pair } = scope;
  const isWhole = match.identity === 'whole row';
  const texts = shared.map((column, index) => inComparedForm(column, `l.c${index}`));
  const asBefore = shared.map((column) => printedAsBefore(column, 't'));
  const keysBefore = isWhole
    ? [`ROW(${list(texts)})::text COLLATE "C"`]
    : key.map((column, index) => keyBefore(column, `l.k${index}`));
  const keysAfter = isWhole
    ? [`ROW(${list(asBefore)})::text COLLATE "C"`]
    : key.map((column) => keyAfter(column, 't'));
  // Of rows with the same key each is matched with one: in the order of their places, in which those that were there before
  // mostly come first.
  const place = (keys: readonly string[], alias: string) =>
    match.isUnique
      ? []
      : [`row_number() OVER (PARTITION BY ${list(keys)} ORDER BY ${alias}.ctid) AS n`];
  const before = [
    ...[...keysBefore.map((value, index) => `${value} AS k${index}`), 'true AS present'],
    ...place(keysBefore, 'l'),
    ...shared.map((_, index) => `l.c${index}`),
    ...dropped.map((_, index) => `l.d${index}`),
  ];
  const now = [
    ...[...keysAfter.map((value, index) => `${value} AS k${index}`), 'true AS present'],
    ...place(keysAfter, 't'),
    ...shared.map((column, index) => `${printed(columnOf('t', column.pair.after))} AS c${index}`),
    ...shared.flatMap((column, index) =>
      column.castBack ? [`${asBefore[index]} AS o${index}`] : [],
    ),
    ...added.map((column, index) => `${printed(columnOf('t', column))} AS e${index}`),
  ];
  const on = [
    ...keysBefore.map((_, index) => `b.k${index} = a.k${index}`),
    ...(match.isUnique ? [] : ['b.n = a.n']),
  ];
  return `(SELECT ${list(before)} FROM ${loadedTable} l) b
    FULL JOIN (SELECT ${list(now)} FROM ONLY ${quoteQualifiedName(pair.after)} t WHERE ${after} OFFSET 0) a
      ON ${on.join(' AND ')}`;
}

const isKept = 'b.present AND a.present';

/** Whether a value of a row that stays is another: as text, and as the old type has it. */
const differs = (column: ComparedColumn, index: number): string =>
  column.castBack
    ? `(b.c${index} IS DISTINCT FROM a.c${index} AND ${inComparedForm(column, `b.c${index}`)} IS DISTINCT FROM a.o${index})`
    : `b.c${index} IS DISTINCT FROM a.c${index}`;

const anyDiffers = ({ shared }: RowScope): string =>
  shared.length === 0 ? 'false' : `(${shared.map(differs).join(' OR ')})`;

/** Counts the rows and values that differ among the candidates, exactly, in one statement. */
export async function countRows(
  after: Session,
  scope: RowScope,
  condition: string,
): Promise<RowCounts> {
  const { shared, dropped, added } = scope;
  const count = (filter: string) => `count(*) FILTER (WHERE ${filter})`;
  const counts = [
    ...['a.present', 'b.present IS NULL', 'a.present IS NULL'].map(count),
    count(`${isKept} AND ${anyDiffers(scope)}`),
    ...shared.flatMap((column, index) => [
      count(`${isKept} AND b.c${index} IS NOT NULL AND a.c${index} IS NULL`),
      count(
        `${isKept} AND b.c${index} IS NOT NULL AND a.c${index} IS NOT NULL AND ${differs(column, index)}`,
      ),
      count(`${isKept} AND b.c${index} IS NULL AND a.c${index} IS NOT NULL`),
    ]),
    ...dropped.flatMap((_, index) => [
      `count(b.d${index})`,
      count(`${isKept} AND b.d${index} IS NOT NULL`),
    ]),
    ...added.flatMap((_, index) => [
      `count(a.e${index})`,
      count(`${isKept} AND a.e${index} IS NOT NULL`),
    ]),
  ];
  // One list: a table may have more columns than a query may give.
  const row = await after.queryOne<{ counts: string[] }>(
    `SELECT ARRAY[${list(counts)}] AS counts FROM ${joined(scope, condition)}`,
    [],
    doingRows(scope),
  );
  const numbers = row.counts.map(Number);
  const take = () => numbers.shift() ?? 0;
  return {
    ...{ candidatesAfter: take(), inserted: take(), deleted: take(), updated: take() },
    shared: shared.map(() => ({ lost: take(), changed: take(), set: take() })),
    dropped: dropped.map(() => ({ all: take(), kept: take() })),
    added: added.map(() => ({ all: take(), kept: take() })),
  };
}

export interface DifferingRow {
  readonly key: readonly (string | null)[];
  /** Values of the shared and then the dropped columns. */
  readonly before: readonly (string | null)[];
  /** Values of the shared and then the added columns. */
  readonly after: readonly (string | null)[];
  /** Which of the shared columns differ. */
  readonly differs: readonly boolean[];
}

const kinds = {
  deleted: 'a.present IS NULL',
  inserted: 'b.present IS NULL',
} as const;

/** Which rows are wanted as examples. */
interface WantedRows {
  /** The candidates of after. */
  readonly condition: string;
  readonly kind: 'deleted' | 'inserted' | 'updated';
  readonly limit: number;
  /** Longer values are cut to so many characters. */
  readonly length: number;
  /** The first by key; else any of them, without putting all together. */
  readonly isOrdered: boolean;
}

/** Some rows of a kind. */
export function readDifferingRows(
  after: Session,
  scope: RowScope,
  { condition, kind, limit, length, isOrdered }: WantedRows,
): Promise<DifferingRow[]> {
  const { shared, dropped, added, match, key } = scope;
  const short = (value: string) =>
    `CASE WHEN length(${value}) > ${length} THEN left(${value}, ${length - 1}) || '…' ELSE ${value} END`;
  const texts = (values: readonly string[]) => `ARRAY[${list(values.map(short))}]::text[]`;
  const side = kind === 'inserted' ? 'a' : 'b';
  const keys =
    match.identity === 'whole row' ? [] : key.map((_, i) => `format('%s', ${side}.k${i})`);
  const order = match.identity === 'whole row' ? ['k0'] : key.map((_, i) => `k${i}`);
  const where = kind === 'updated' ? `${isKept} AND ${anyDiffers(scope)}` : kinds[kind];
  return after.query<DifferingRow>(
    `SELECT ${texts(keys)} AS key,
            ${texts([...shared.map((_, i) => `b.c${i}`), ...dropped.map((_, i) => `b.d${i}`)])} AS before,
            ${texts([...shared.map((_, i) => `a.c${i}`), ...added.map((_, i) => `a.e${i}`)])} AS after,
            ARRAY[${list(shared.map(differs))}]::bool[] AS differs
       FROM ${joined(scope, condition)}
      WHERE ${where}
      ${isOrdered ? `ORDER BY ${list(order.map((name) => `${side}.${name}`))}` : ''}
      LIMIT ${limit}`,
    [],
    doingRows(scope),
  );
}
