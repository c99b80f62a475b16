import type { MeasuredTable } from '../../../domain/impact/measure.js';
import { quoteIdentifier } from '../../session.js';
import { type Reading, Refusal, source } from './reading.js';

/** SQL for the key of a row, as text, by the table's oid. */
export type Keys = ReadonlyMap<number, string>;

/** Longer ones are cut. */
const mostShown = 100;

/** Reads the primary keys of tables: rows are shown by them. */
export async function readKeys(reading: Reading, tables: Iterable<number>): Promise<Keys> {
  const rows = await reading.session.query<{ table: number; columns: string[] }>(
    `SELECT i.indrelid AS table, array_agg(a.attname::text ORDER BY k.place) AS columns
       FROM pg_catalog.pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place),
            pg_catalog.pg_attribute a
      WHERE i.indisprimary AND i.indrelid = ANY ($1::oid[]) AND k.place <= i.indnkeyatts
        AND a.attrelid = i.indrelid AND a.attnum = k.number
      GROUP BY i.indrelid`,
    [[...new Set(tables)]],
    'reading the keys of tables',
  );
  return new Map(rows.map(({ table, columns }) => [table, keyOf(columns)]));
}

function keyOf(columns: readonly string[]): string {
  const texts = columns.map((name) => `${quoteIdentifier(name)}::pg_catalog.text`);
  if (texts.length === 1) return texts.join();
  return `'(' || pg_catalog.concat_ws(', ', ${texts.join(', ')}) || ')'`;
}

/** The key of a row of the table; where it lies, if it has none. */
export function keySql(keys: Keys, { oid }: Pick<MeasuredTable, 'oid'>): string {
  return keys.get(oid) ?? `'row ' || ctid::pg_catalog.text`;
}

export const shortened = (sql: string, length = mostShown): string =>
  `pg_catalog.left(${sql}, ${length})`;

/** Looking for rows to show may cost a second scan where they are few; it is not worth more. */
const samplingTimeoutMs = 2_000;

/** The first few rows for which a condition holds, as text; none where looking takes too long. */
export async function sampleRows(
  reading: Reading,
  { table, condition, text }: { table: MeasuredTable; condition: string; text: string },
): Promise<readonly string[]> {
  const { samples } = reading.options;
  if (samples < 1) return [];
  const rows = await reading.attemptRows(
    `SELECT ${shortened(text)} AS sample FROM ${source(table)} WHERE ${condition} LIMIT ${samples}`,
    { searchPath: table.searchPath, table, timeoutMs: samplingTimeoutMs },
  );
  return rows instanceof Refusal ? [] : textsOf(rows);
}

export function textsOf(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  return rows.flatMap(({ sample }) => (typeof sample === 'string' ? [sample] : []));
}
