import type { MappedTable } from '../../domain/shadow.js';
import { quoteIdentifier, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { fillStage } from './apply-fill.js';
import { copyInto, copyOut, doingTable, keyOf, shadowRelation, stage } from './apply-stage.js';
import { bucketCount, bucketOf, inBuckets, keyHash, printsAlike } from './key-buckets.js';
import { sourceColumns, sourceRelation } from './scan-filter.js';
import { isNoted, notesOf, sameKey } from './shadow-notes.js';

export interface KeyComparison {
  readonly source: Session;
  readonly shadow: Session;
  readonly table: MappedTable;
  /** Of the target: how many buckets are worth it. */
  readonly rows: number;
  readonly isNoted: boolean;
  /** Whether missing rows are to be staged; false: leave the stage alone. */
  readonly healing: boolean;
}

export interface ComparedKeys {
  readonly deleted: number;
  /** Rows of the target that were missing in the shadow for no good reason, and are staged now. */
  readonly missing: number;
}

const keys = 'pg_temp.belay_keys';
const buckets = 'pg_temp.belay_buckets';

/** Belay's plans: a bucket is taken for a row, and the table would be sorted on disk to put a few sums together. */
const summing = `SET LOCAL jit = off; SET LOCAL enable_sort = off; SET LOCAL work_mem = '64MB'`;
const summed = 'SET LOCAL enable_sort = on';

/** A key of the target (t) or of the shadow (t) or of a list (n). */
const sourceKey = (table: MappedTable): string[] =>
  keyOf(table).map((index) => sourceColumns(table, [index]));
const shadowKey = (table: MappedTable): string[] =>
  keyOf(table).map((index) => `t.${quoteIdentifier(table.columns[index]?.shadow ?? '')}`);
const listedKey = (table: MappedTable): string[] => keyOf(table).map((index) => `n.c${index}`);

/**
 * Compares the keys on both sides, deletes those of the shadow that the target has no longer, and stages the rows that are
 * missing. What the migration inserted stays, what it deleted does not come back.
 */
export async function compareKeys(comparison: KeyComparison): Promise<ComparedKeys> {
  const { shadow, source, table, rows } = comparison;
  const count = bucketCount(rows);
  const wanted = printsAlike(table) ? await differingBuckets(comparison, count) : null;
  if (wanted?.length === 0) return { deleted: 0, missing: 0 };
  // Hardly a bucket is the same: looking each one up would only take longer.
  const chosen = wanted !== null && wanted.length * 2 > count ? null : wanted;
  const hash = keyHash(table, sourceKey(table));
  const filter = inBuckets(hash, count, chosen);
  await createKeyList(shadow, table);
  const selected = sourceKey(table).join(', ');
  await copyInto(
    shadow,
    keys,
    copyOut(source, `SELECT ${selected} FROM ${sourceRelation(table)} t WHERE ${filter}`),
    doingTable(table),
  );
  await shadow.execute(`ANALYZE ${keys}`, doingTable(table));
  const deleted = await deleteExtra(
    comparison,
    inBuckets(keyHash(table, shadowKey(table)), count, chosen),
  );
  if (comparison.isNoted)
    await forgetGone(comparison, inBuckets(keyHash(table, listedKey(table)), count, chosen));
  return { deleted, missing: comparison.healing ? await stageMissing(comparison, filter) : 0 };
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

/** Buckets of which one side has other keys than the other, what the migration did left aside. */
async function differingBuckets(
  { source, shadow, table, isNoted: noted }: KeyComparison,
  count: number,
): Promise<number[]> {
  const doing = doingTable(table);
  await shadow.execute(
    `${summing}; SET LOCAL client_min_messages = warning; DROP TABLE IF EXISTS ${buckets};
     CREATE TEMP TABLE belay_buckets (bucket int, rows numeric, hash numeric) ON COMMIT DROP`,
    doing,
  );
  await source.execute(summing, doing);
  const hash = keyHash(table, sourceKey(table));
  const sums = `SELECT ${bucketOf(hash, count)}, count(*), sum(${hash}) FROM ${sourceRelation(table)} t GROUP BY 1`;
  await copyInto(shadow, buckets, copyOut(source, sums), doing);
  await source.execute(summed, doing);
  const own = keyHash(table, shadowKey(table));
  const listed = keyHash(table, listedKey(table));
  const parts = [
    `SELECT ${bucketOf(own, count)} AS bucket, count(*) AS rows, sum(${own}) AS hash FROM ${shadowRelation(table)} t GROUP BY 1`,
    ...(noted
      ? (['deleted', 'inserted'] as const).map((notes) => {
          const sign = notes === 'deleted' ? '' : '-';
          return `SELECT ${bucketOf(listed, count)}, ${sign}count(*), ${sign}sum(${listed}) FROM ${notesOf(table, notes)} n GROUP BY 1`;
        })
      : []),
  ];
  const rows = await shadow.query<{ bucket: number }>(
    `SELECT coalesce(a.bucket, b.bucket) AS bucket
       FROM (SELECT bucket, sum(rows) AS rows, sum(hash) AS hash FROM (${parts.join(' UNION ALL ')}) p GROUP BY 1) a
       FULL JOIN ${buckets} b ON b.bucket = a.bucket
      WHERE coalesce(a.rows, 0) <> coalesce(b.rows, 0) OR coalesce(a.hash, 0) <> coalesce(b.hash, 0)`,
    [],
    doing,
  );
  await shadow.execute(summed, doing);
  return rows.map(({ bucket }) => bucket).sort((a, b) => a - b);
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

/** Somebody has deleted rows in the shadow: they come back, as the target has them now. */
async function stageMissing(
  { source, shadow, table, isNoted: noted }: KeyComparison,
  filter: string,
): Promise<number> {
  const doing = doingTable(table);
  const excused = noted ? `AND NOT ${isNoted(table, 'deleted', 'k')}` : '';
  const { rows } = await shadow.queryOne<{ rows: number }>(
    `SELECT count(*)::float8 AS rows FROM ${keys} k
      WHERE NOT EXISTS (SELECT FROM ${shadowRelation(table)} t WHERE ${isListed(table, 'k')}) ${excused}`,
    [],
    doing,
  );
  if (rows === 0) return 0;
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
  return rows;
}
