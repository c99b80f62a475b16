import type { MappedColumn, MappedTable } from '../../domain/shadow.js';
import { keyOf } from './apply-stage.js';

/** Keys are summed up in buckets of about as many; only buckets that differ are read key by key. */
const keysPerBucket = 64;
const [fewestBuckets, mostBuckets] = [1024, 1024 * 1024];
/** So few ranges of an index are looked up; more are read from the whole table. */
const fewRanges = 200;

/** How the keys of a table are put into buckets: the same on both sides. */
export interface Buckets {
  /** SQL of a key's bucket, of what is summed up in it, and the condition that it is in one of these. */
  bucket(values: readonly string[]): string;
  sum(values: readonly string[]): string;
  isIn(values: readonly string[], wanted: readonly string[]): string;
}

/** Between which values of its first column keys are; as text. */
export interface KeyRange {
  readonly least: string | null;
  readonly greatest: string | null;
  /** Part of the rows that is between them; default all. */
  readonly share?: number;
}

function bucketCount(rows: number): number {
  let count = fewestBuckets;
  while (count < mostBuckets && count * keysPerBucket < rows) count *= 2;
  return count;
}

const isInteger = (type: string): boolean => ['smallint', 'integer', 'bigint'].includes(type);
const isText = (type: string): boolean => /^(text|character varying(\(\d+\))?)$/.test(type);

const keyColumns = (table: MappedTable): MappedColumn[] =>
  keyOf(table).flatMap((index) => table.columns[index] ?? []);

/** Both sides print the key the same: only then are sums worth comparing. */
export function printsAlike(table: MappedTable): boolean {
  return keyColumns(table).every(({ sourceType, shadowType }) => {
    if (sourceType === undefined) return true;
    return [isInteger, isText].some((is) => is(sourceType) && is(shadowType));
  });
}

/** Keys that begin with a number are put into buckets by ranges of it, which is much cheaper than by hashes. */
export function beginsWithNumber(table: MappedTable): boolean {
  return isInteger(keyColumns(table)[0]?.shadowType ?? '');
}

export function bucketsOf(table: MappedTable, rows: number, range: KeyRange | null): Buckets {
  const count = bucketCount(rows);
  if (!range || range.least === null || range.greatest === null) return byHash(table, count);
  const width = BigInt(range.greatest) - BigInt(range.least);
  return byRange(table, width, Math.ceil(count * (range.share ?? 1)));
}

/** @param count into how many buckets a range of this width is divided */
function byRange(table: MappedTable, width: bigint, count: number): Buckets {
  let shift = 0n;
  while (width >> shift > BigInt(count)) shift += 1n;
  const isSingle = keyOf(table).length === 1;
  const first = (values: readonly string[]) => `(${values[0]})::int8`;
  return {
    bucket: (values) => `${first(values)} >> ${shift}`,
    sum: (values) => (isSingle ? first(values) : keyHash(table, values)),
    isIn: (values, wanted) => {
      const ranges = toRanges(wanted.map(BigInt), shift);
      if (ranges.length > fewRanges) {
        return `${first(values)} >> ${shift} = ANY ('{${wanted.join(',')}}'::int8[])`;
      }
      // As the column is: so that its index is used.
      const parts = ranges.map(
        ([from, to]) => `${values[0]} BETWEEN '${from}'::int8 AND '${to}'::int8`,
      );
      return `(${parts.join(' OR ')})`;
    },
  };
}

/** Buckets that lie side by side are one range. @returns first and last value of each */
function toRanges(wanted: readonly bigint[], shift: bigint): [bigint, bigint][] {
  const ranges: [bigint, bigint][] = [];
  for (const bucket of [...wanted].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))) {
    const [from, to] = [bucket << shift, ((bucket + 1n) << shift) - 1n];
    const last = ranges.at(-1);
    if (last && last[1] + 1n === from) last[1] = to;
    else ranges.push([from, to]);
  }
  return ranges;
}

function byHash(table: MappedTable, count: number): Buckets {
  const bucket = (values: readonly string[]) => `${keyHash(table, values)} & ${count - 1}`;
  return {
    bucket,
    sum: (values) => keyHash(table, values),
    isIn: (values, wanted) => `(${bucket(values)}) = ANY ('{${wanted.join(',')}}'::int8[])`,
  };
}

/**
 * Hash of a key, the same on both sides: of numbers the number's, of most else that of its text. (Those of enums go by OIDs,
 * and are others in another database.)
 */
function keyHash(table: MappedTable, values: readonly string[]): string {
  return keyColumns(table).reduce((seed, { shadowType }, place) => {
    const value = values[place] ?? 'NULL';
    if (isInteger(shadowType)) return `hashint8extended((${value})::int8, ${seed})`;
    if (shadowType === 'uuid') return `uuid_hash_extended(${value}, ${seed})`;
    return `hashtextextended((${value})::text COLLATE "C", ${seed})`;
  }, '0::int8');
}
