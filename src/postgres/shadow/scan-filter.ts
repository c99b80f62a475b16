import type { MappedTable } from '../../domain/shadow.js';
import { quoteIdentifier, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';

/** The rows of a table of the target; of one that is inherited from, only its own. */
export const sourceRelation = ({ source }: MappedTable): string =>
  `ONLY ${quoteQualifiedName(source)}`;

/** Columns of the target under the names of the stage, in the order of the table's columns. */
export const sourceColumns = (table: MappedTable, indexes: readonly number[]): string =>
  indexes.map((index) => `t.${quoteIdentifier(table.columns[index]?.source ?? '')}`).join(', ');

/** Transaction numbers are compared around a circle: half of it is the most that can be told apart. */
const halfCircle = 2 ** 31;

/**
 * Condition: a row (t) may have been inserted or updated since a snapshot. Every transaction from the oldest one that was
 * running then counts as new, also those that had ended: the snapshot does not name the subtransactions of those that were
 * running. The number that wrote a row stays on it when the row is frozen. After half a circle of numbers (two thousand
 * million) all rows count as new.
 * @param since `pg_snapshot` of the target, as text
 */
export async function changedSince(source: Session, since: string): Promise<string> {
  const { age, distance } = await source.queryOne<{ age: number; distance: number }>(
    `SELECT age(greatest(oldest % 4294967296, 3)::text::xid) AS age, (next - oldest)::float8 AS distance
       FROM (SELECT pg_snapshot_xmin($1::pg_snapshot)::text::numeric AS oldest,
                    pg_snapshot_xmax(pg_current_snapshot())::text::numeric AS next) s`,
    [since],
    'reading the age of the last sync',
  );
  // Some room: others take numbers while this is asked.
  if (distance >= halfCircle - 1_000_000) return 'true';
  return `age(t.xmin) <= ${age}`;
}

/** Rows of the target that its scans in this transaction have read, by the session's own statistics; null: it keeps none. */
export async function rowsRead(source: Session, table: MappedTable): Promise<number | null> {
  const { rows } = await source.queryOne<{ rows: number | null }>(
    `SELECT CASE WHEN current_setting('track_counts')::bool
                 THEN pg_stat_get_xact_tuples_returned($1::oid)::float8 END AS rows`,
    [table.table.oid],
    'counting the rows read',
  );
  return rows;
}

export async function countSource(source: Session, table: MappedTable): Promise<number> {
  const { rows } = await source.queryOne<{ rows: number }>(
    `SELECT count(*)::float8 AS rows FROM ${sourceRelation(table)} t`,
    [],
    `counting the rows of ${table.source.schema}.${table.source.name}`,
  );
  return rows;
}
