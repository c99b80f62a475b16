import type { MappedTable } from '../../domain/shadow.js';
import { quoteIdentifier, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { fillStage } from './apply-fill.js';
import { copyInto, copyOut, doingTable, keyOf, shadowRelation, stage } from './apply-stage.js';
import {
  type Buckets,
  beginsWithNumber,
  bucketsOf,
  type KeyRange,
  printsAlike,
} from './key-buckets.js';
import { sourceColumns, sourceRelation } from './scan-filter.js';
import { isNoted, notesOf, sameKey } from './shadow-notes.js';

export interface KeyComparison {
  readonly source: Session;
  readonly shadow: Session;
  readonly table: MappedTable;
  /** Of the target: how many buckets are worth it. */
  readonly rows: number;
  readonly isNoted: boolean;
}

/** Condition on the rows of the target (t) whose keys were compared; null: the keys agree. */
export interface ComparedKeys {
  readonly deleted: number;
  readonly filter: string | null;
}

const keys = 'pg_temp.belay_keys';
const buckets = 'pg_temp.belay_buckets';
const ownBuckets = 'pg_temp.belay_own_buckets';

/** Belay's plans: a bucket is taken for a row, and the table would be sorted on disk to put a few sums together. */
const summing = `SET LOCAL jit = off; SET LOCAL enable_sort = off; SET LOCAL work_mem = '64MB'`;
const summed = 'SET LOCAL enable_sort = on';

const sourceKey = (table: MappedTable): string[] =>
  keyOf(table).map((index) => sourceColumns(table, [index]));
const shadowKey = (table: MappedTable): string[] =>
  keyOf(table).map((index) => `t.${quoteIdentifier(table.columns[index]?.shadow ?? '')}`);
const listedKey = (table: MappedTable): string[] => keyOf(table).map((index) => `n.c${index}`);

/**
 * Compares the keys on both sides, and deletes those of the shadow that the target has no longer. What the migration inserted
 * stays. Uses temporary tables of its own, and leaves the stage alone.
 */
export async function compareKeys(comparison: KeyComparison): Promise<ComparedKeys> {
  const { shadow, source, table } = comparison;
  const by = await chooseBuckets(comparison);
  const wanted = by ? await differingBuckets(comparison, by) : null;
  if (wanted?.length === 0) return { deleted: 0, filter: null };
  // Most rows are in buckets that differ: looking each one up would only take longer.
  const isFew = by !== null && wanted !== null && rowsIn(wanted) * 2 <= comparison.rows;
  const names = wanted?.map(({ bucket }) => bucket) ?? [];
  const inWanted = (values: readonly string[]) => (isFew ? by.isIn(values, names) : 'true');
  const filter = inWanted(sourceKey(table));
  await createKeyList(shadow, table);
  const query = `SELECT ${sourceKey(table).join(', ')} FROM ${sourceRelation(table)} t WHERE ${filter}`;
  await copyInto(shadow, keys, copyOut(source, query), doingTable(table));
  await shadow.execute(`ANALYZE ${keys}`, doingTable(table));
  const deleted = await deleteExtra(comparison, inWanted(shadowKey(table)));
  if (comparison.isNoted) await forgetGone(comparison, inWanted(listedKey(table)));
  return { deleted, filter };
}

interface DifferingBucket {
  readonly bucket: string;
  /** Of the side that has more. */
  readonly rows: number;
}

const rowsIn = (found: readonly DifferingBucket[]): number =>
  found.reduce((sum, { rows }) => sum + rows, 0);

/** Null: the sides print their keys in different ways, and only all keys can be compared. */
async function chooseBuckets({
  source,
  shadow,
  table,
  rows,
}: KeyComparison): Promise<Buckets | null> {
  if (!printsAlike(table)) return null;
  if (!beginsWithNumber(table)) return bucketsOf(table, rows, null);
  const rangeSql = (value: string, relation: string) =>
    `SELECT min(${value})::text AS least, max(${value})::text AS greatest FROM ${relation} t`;
  const [own = '', other = ''] = [sourceKey(table)[0], shadowKey(table)[0]];
  const [left, right] = await Promise.all([
    source.queryOne<KeyRange>(rangeSql(own, sourceRelation(table)), [], doingTable(table)),
    shadow.queryOne<KeyRange>(rangeSql(other, shadowRelation(table)), [], doingTable(table)),
  ]);
  return bucketsOf(table, rows, (await middleOf(source, table)) ?? widest(left, right));
}

/**
 * Where the middle half of the numbers is, by the server's statistics: a few numbers far away from all others would make buckets
 * so wide that each has a difference. Null: the table was never analysed.
 */
async function middleOf(source: Session, table: MappedTable): Promise<KeyRange | null> {
  const [row] = await source.query<{ bounds: string[] }>(
    `SELECT to_json(histogram_bounds::text::text[]) AS bounds FROM pg_stats
      WHERE schemaname = $1 AND tablename = $2 AND attname = $3 AND NOT inherited AND histogram_bounds IS NOT NULL`,
    [table.source.schema, table.source.name, table.columns[keyOf(table)[0] ?? 0]?.source],
    doingTable(table),
  );
  const bounds = row?.bounds ?? [];
  const [least, greatest] = [bounds[bounds.length >> 2], bounds[(bounds.length * 3) >> 2]];
  return least && greatest ? { least, greatest, share: 0.5 } : null;
}

function widest(left: KeyRange, right: KeyRange): KeyRange {
  const values = [left.least, left.greatest, right.least, right.greatest]
    .flatMap((value) => (value === null ? [] : [BigInt(value)]))
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return { least: values[0]?.toString() ?? null, greatest: values.at(-1)?.toString() ?? null };
}

async function createKeyList(shadow: Session, table: MappedTable): Promise<void> {
  const from = quoteQualifiedName(table.shadow ?? { schema: '', name: '' });
  const columns = keyOf(table).map((index, place) => `${shadowKey(table)[place]} AS c${index}`);
  await shadow.execute(
    `SET LOCAL client_min_messages = warning; DROP TABLE IF EXISTS ${keys};
     CREATE TEMP TABLE belay_keys ON COMMIT DROP AS SELECT ${columns.join(', ')} FROM ${from} t WITH NO DATA`,
    doingTable(table),
  );
}

/** Computed once for a key, not for bucket and sum apart. */
const sumsSql = (bucket: string, sum: string, from: string, sign = ''): string =>
  `SELECT bucket, ${sign}count(*) AS rows, ${sign}sum(value) AS total
     FROM (SELECT ${bucket} AS bucket, ${sum} AS value FROM ${from} OFFSET 0) v GROUP BY bucket`;

/** Buckets of which one side has other keys than the other, what the migration did left aside. Both sides sum up at once. */
async function differingBuckets(
  { source, shadow, table, isNoted: noted }: KeyComparison,
  by: Buckets,
): Promise<DifferingBucket[]> {
  const doing = doingTable(table);
  const [own, other, listed] = [sourceKey(table), shadowKey(table), listedKey(table)];
  const parts = [
    sumsSql(by.bucket(other), by.sum(other), `${shadowRelation(table)} t`),
    ...(noted
      ? [
          sumsSql(by.bucket(listed), by.sum(listed), `${notesOf(table, 'deleted')} n`),
          sumsSql(by.bucket(listed), by.sum(listed), `${notesOf(table, 'inserted')} n`, '-'),
        ]
      : []),
  ];
  await source.execute(summing, doing);
  const sums = copyOut(source, sumsSql(by.bucket(own), by.sum(own), `${sourceRelation(table)} t`));
  await shadow.execute(
    `${summing}; SET LOCAL client_min_messages = warning; DROP TABLE IF EXISTS ${buckets}, ${ownBuckets};
     CREATE TEMP TABLE belay_buckets (bucket int8, rows numeric, total numeric) ON COMMIT DROP;
     CREATE TEMP TABLE belay_own_buckets ON COMMIT DROP AS
       SELECT bucket, sum(rows) AS rows, sum(total) AS total FROM (${parts.join(' UNION ALL ')}) p GROUP BY bucket;
     ${summed}`,
    doing,
  );
  await copyInto(shadow, buckets, sums, doing);
  await source.execute(summed, doing);
  return shadow.query<DifferingBucket>(
    `SELECT coalesce(a.bucket, b.bucket)::text AS bucket, greatest(a.rows, b.rows)::float8 AS rows
       FROM ${ownBuckets} a FULL JOIN ${buckets} b ON b.bucket = a.bucket
      WHERE coalesce(a.rows, 0) <> coalesce(b.rows, 0) OR coalesce(a.total, 0) <> coalesce(b.total, 0)`,
    [],
    doing,
  );
}

/** Condition: the shadow's row (t) has the key of the listed one. */
const isListed = (table: MappedTable, alias: string): string =>
  keyOf(table)
    .map(
      (index, place) =>
        `${shadowKey(table)[place]} ${table.columns[index]?.equals ?? '='} ${alias}.c${index}`,
    )
    .join(' AND ');

async function deleteExtra(
  { shadow, table, isNoted: noted }: KeyComparison,
  filter: string,
): Promise<number> {
  const kept = noted
    ? `AND NOT EXISTS (SELECT FROM ${notesOf(table, 'inserted')} n WHERE ${isListed(table, 'n')})`
    : '';
  const deleted = await shadow.run(
    `DELETE FROM ${shadowRelation(table)} t WHERE ${filter}
        AND NOT EXISTS (SELECT FROM ${keys} k WHERE ${isListed(table, 'k')}) ${kept}`,
    doingTable(table),
  );
  return deleted ?? 0;
}

/** What the migration deleted and the target has deleted since; what it inserted and the target has inserted too. */
async function forgetGone({ shadow, table }: KeyComparison, filter: string): Promise<void> {
  const isThere = `EXISTS (SELECT FROM ${keys} k WHERE ${sameKey(table, 'k', 'n')})`;
  await shadow.execute(
    `DELETE FROM ${notesOf(table, 'deleted')} n WHERE ${filter} AND NOT ${isThere};
     DELETE FROM ${notesOf(table, 'inserted')} n WHERE ${filter} AND ${isThere}`,
    doingTable(table),
  );
}

/**
 * Stages the rows of the target that the shadow should have and has not: somebody has deleted them there. After
 * `compareKeys`, with its filter.
 */
export async function stageMissing(
  { source, shadow, table, isNoted: noted }: KeyComparison,
  filter: string,
): Promise<void> {
  const doing = doingTable(table);
  const given = table.columns.map((_, index) => index);
  const query = `SELECT ${sourceColumns(table, given)} FROM ${sourceRelation(table)} t WHERE ${filter}`;
  await fillStage(shadow, { table, given }, () => copyOut(source, query));
  await shadow.execute(
    `DELETE FROM ${stage} s USING ${shadowRelation(table)} t WHERE ${isListed(table, 's')}`,
    doing,
  );
  if (noted) {
    await shadow.execute(`DELETE FROM ${stage} s WHERE ${isNoted(table, 'deleted')}`, doing);
  }
}
