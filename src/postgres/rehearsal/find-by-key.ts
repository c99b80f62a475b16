import type { KeptPair, RowMatch } from '../../domain/state-comparison.js';
import { mapPostgresError } from '../pg-error.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { chunksOf, type StateSides } from './compare-sides.js';
import { columnOf, typedKey } from './compare-values.js';

/** The columns of a key that finds at most one row, with the type that they have on both sides. */
export type KeyLookup = readonly (RowMatch['columns'][number] & { readonly type: string })[];

/** How rows are found by their key; null where it may find several, or where its texts alone decide. */
export function keyLookup({ identity, columns, isUnique }: RowMatch): KeyLookup | null {
  if (identity === 'whole row' || !isUnique) return null;
  const typed = columns.flatMap((column) => {
    const type = typedKey(column);
    return type === undefined ? [] : [{ ...column, type }];
  });
  return typed.length === columns.length ? typed : null;
}

const rowsPerQuery = 20_000;

/**
 * Finds the rows of before that have the keys of some new row versions: since no other row has the key, before or after,
 * these are rows of which the version is gone.
 * @param places of the new versions
 * @returns places before
 */
export async function findByKey(
  { before, after, signal }: Pick<StateSides, 'before' | 'after' | 'signal'>,
  pair: KeptPair,
  lookup: KeyLookup,
  places: readonly string[],
): Promise<string[]> {
  const doing = `comparing the rows of ${pair.before.schema}.${pair.before.name}`;
  const values = lookup.map((column) => columnOf('t', column.after));
  const names = lookup.map((_, index) => `k${index}`);
  const lists = lookup.map(({ type }, index) => `$${index + 1}::${type}[]`);
  const matches = lookup.map((column, index) => `${columnOf('t', column.before)} = w.k${index}`);
  const found: string[] = [];
  for (const chunk of chunksOf(places, rowsPerQuery)) {
    signal?.throwIfAborted();
    const keys = await queryTexts(
      after,
      `SELECT ${values.join(', ')} FROM ONLY ${quoteQualifiedName(pair.after)} t WHERE t.ctid = ANY ($1::tid[])`,
      [chunk],
      doing,
    );
    const rows = await queryTexts(
      before,
      `SELECT t.ctid FROM unnest(${lists.join(', ')}) w(${names.join(', ')})
         JOIN ONLY ${quoteQualifiedName(pair.before)} t ON ${matches.join(' AND ')}`,
      lookup.map((_, index) => keys.map((key) => key[index] ?? null)),
      doing,
    );
    for (const [place] of rows) if (place) found.push(place);
  }
  return found;
}

/** Values as the server prints them: numbers would be rounded, and dates moved, by JavaScript. */
const asPrinted = { getTypeParser: () => (value: string) => value };

async function queryTexts(
  session: StateSides['before'],
  text: string,
  values: unknown[],
  doing: string,
): Promise<(string | null)[][]> {
  try {
    const query = { text, values, rowMode: 'array', types: asPrinted } as const;
    return (await session.client.query<(string | null)[]>(query)).rows;
  } catch (error) {
    throw mapPostgresError(error, doing);
  }
}
