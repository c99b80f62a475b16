import type { MappedColumn, MappedTable } from '../../domain/shadow.js';
import { keyOf } from './apply-stage.js';

/** Keys are summed up in buckets of about as many; only buckets that differ are read key by key. */
const keysPerBucket = 64;
const [fewestBuckets, mostBuckets] = [1024, 1024 * 1024];

export function bucketCount(rows: number): number {
  let count = fewestBuckets;
  while (count < mostBuckets && count * keysPerBucket < rows) count *= 2;
  return count;
}

const isInteger = (type: string): boolean => ['smallint', 'integer', 'bigint'].includes(type);
const isText = (type: string): boolean => /^(text|character varying(\(\d+\))?)$/.test(type);

/** Both sides print the same key the same: only then are sums of hashes worth comparing. */
export function printsAlike(table: MappedTable): boolean {
  return keyColumns(table).every(({ sourceType, shadowType }) => {
    if (sourceType === undefined) return true;
    return [isInteger, isText].some((is) => is(sourceType) && is(shadowType));
  });
}

const keyColumns = (table: MappedTable): MappedColumn[] =>
  keyOf(table).flatMap((index) => table.columns[index] ?? []);

/**
 * Hash of a key, the same on both sides: of numbers the number's, of all else that of its text. (Those of enums go by OIDs,
 * and are others in another database.)
 * @param values SQL of the key's values, in order
 */
export function keyHash(table: MappedTable, values: readonly string[]): string {
  return keyColumns(table).reduce((seed, { shadowType }, place) => {
    const value = values[place] ?? 'NULL';
    return isInteger(shadowType)
      ? `hashint8extended((${value})::int8, ${seed})`
      : `hashtextextended((${value})::text COLLATE "C", ${seed})`;
  }, '0::int8');
}

export const bucketOf = (hash: string, buckets: number): string =>
  `(${hash} & ${buckets - 1})::int`;

/** Condition: the key is in one of these buckets. */
export function inBuckets(hash: string, buckets: number, wanted: readonly number[] | null): string {
  return wanted === null
    ? 'true'
    : `${bucketOf(hash, buckets)} = ANY ('{${wanted.join(',')}}'::int[])`;
}
