import type { KeptPair } from '../../domain/state-comparison.js';
import type { Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { bothSides } from './compare-sides.js';
import { type ComparedColumn, hashedValue } from './compare-values.js';

const bucketCount = 4096;

/** Rows, before and after, among which all that differ are. */
export interface DifferingBuckets {
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  /** A condition on table `t` for each side; null: nothing differs. */
  readonly where: { readonly before: string; readonly after: string } | null;
}

interface Bucket {
  readonly bucket: number;
  readonly rows: string;
  readonly hash: string;
}

/** The hash of a record takes each value's own hash, at a third of what its text would cost. */
const hashOf = (
  columns: readonly ComparedColumn[],
  side: 'before' | 'after',
  alias: string,
): string =>
  columns.length === 0
    ? '0::int8'
    : `hash_record_extended(ROW(${columns.map((column) => hashedValue(column, side, alias)).join(', ')}), 0)`;

/**
 * Compares all rows of a table: each side puts the hashes of its rows into buckets, by the key. Only the buckets that differ
 * have to be read again.
 */
export async function compareBuckets(
  sides: { readonly before: Session; readonly after: Session },
  pair: KeptPair,
  columns: { readonly key: readonly ComparedColumn[]; readonly all: readonly ComparedColumn[] },
): Promise<DifferingBuckets> {
  const doing = `comparing the rows of ${pair.before.schema}.${pair.before.name}`;
  const bucketOf = (side: 'before' | 'after') =>
    `(${hashOf(columns.key, side, 't')} & ${bucketCount - 1})::int4`;
  // The planner takes every bucket for a row, and would sort the table on disk to put a few thousand sums together.
  const read = async (session: Session, side: 'before' | 'after') => {
    await session.execute('SET enable_sort = off', doing);
    const rows = await session.query<Bucket>(
      `SELECT ${bucketOf(side)} AS bucket, count(*) AS rows, sum(${hashOf(columns.all, side, 't')}) AS hash
         FROM ONLY ${quoteQualifiedName(pair[side])} t GROUP BY 1`,
      [],
      doing,
    );
    await session.execute('SET enable_sort = on', doing);
    return rows;
  };
  const [left, right] = await bothSides(read(sides.before, 'before'), read(sides.after, 'after'));
  const found = new Map(left.map((one) => [one.bucket, one]));
  const same = right.filter((one) => {
    const other = found.get(one.bucket);
    return other?.rows === one.rows && other.hash === one.hash;
  });
  const counts = { rowsBefore: sumRows(left), rowsAfter: sumRows(right) };
  const equal = new Set(same.map(({ bucket }) => bucket));
  const differing = [...new Set([...left, ...right].map(({ bucket }) => bucket))].filter(
    (bucket) => !equal.has(bucket),
  );
  if (differing.length === 0) return { ...counts, where: null };
  // Where most have to be read, finding them once more would cost more than reading the others.
  const where = (side: 'before' | 'after') =>
    equal.size < differing.length
      ? 'true'
      : `${bucketOf(side)} = ANY ('{${differing.join(',')}}'::int4[])`;
  return { ...counts, where: { before: where('before'), after: where('after') } };
}

const sumRows = (buckets: readonly Bucket[]): number =>
  buckets.reduce((total, { rows }) => total + Number(rows), 0);
