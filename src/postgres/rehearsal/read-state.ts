import type { StateTable } from '../../domain/state-comparison.js';
import { sameStatistics } from '../../domain/write-evidence.js';
import type { Session } from '../session.js';
import { recordSchema } from '../sql/record-backups.js';
import { readWriteEvidence } from '../write-evidence.js';
import type { StartMark } from './start-mark.js';

/** Columns with their types and, where they are generated, how. */
const columnsSql = `
  SELECT json_agg(json_build_object(
           'number', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
           'typeId', a.atttypid::int8, 'typeModifier', a.atttypmod, 'typeKind', y.typtype,
           'generated', a.attgenerated,
           'expression', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
           'hasMissingValue', a.atthasmissing) ORDER BY a.attnum)
    FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`;

/** Only what no two rows can have the same of: not of a part of the rows, no expressions, no nulls. */
const keysSql = `
  SELECT json_agg(json_build_object('isPrimary', i.indisprimary, 'columns', k.columns)
                  ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid)
    FROM pg_index i,
         LATERAL (SELECT json_agg(u.number ORDER BY u.position) AS columns, bool_and(a.attnotnull) AS filled
                    FROM unnest(i.indkey::int2[]) WITH ORDINALITY u(number, position)
                    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.number
                   WHERE u.position <= i.indnkeyatts) k
   WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
     AND i.indpred IS NULL AND i.indexprs IS NULL AND k.filled`;

/** All tables that hold rows of their own, but for temporary, foreign, system tables and Belay's own. */
export function readStateTables(session: Session): Promise<StateTable[]> {
  return session.query<StateTable>(
    `SELECT c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name,
            c.relfilenode::int8::float8 AS "fileNode", coalesce(m.amname = 'heap', false) AS "isHeap",
            coalesce((${columnsSql}), '[]') AS columns, coalesce((${keysSql}), '[]') AS keys
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am m ON m.oid = c.relam
      WHERE c.relkind = 'r' AND c.relpersistence <> 't'
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname <> $1`,
    [recordSchema],
    'listing the tables',
  );
}

/** How many rows a migration has written at most: what was rolled back is counted too. */
export interface TableWrites {
  readonly inserts: number;
  readonly updates: number;
  readonly deletes: number;
}

/**
 * The writes to the tables of the session's database since the mark, by OID: by its statistics, which begin empty in a
 * new database. A TRUNCATE is not among them, but leaves the table with another file.
 * @param oid the session's database, which must have had no other session for a moment
 * @returns empty where the statistics prove nothing
 */
export async function readWrites(
  session: Session,
  oid: number,
  mark: StartMark | null,
): Promise<ReadonlyMap<number, TableWrites>> {
  if (!mark?.evidence) return new Map();
  await session.execute('SELECT pg_stat_clear_snapshot()', 'looking for writes');
  const now = await readWriteEvidence(session, oid);
  if (!now || !sameStatistics(mark.evidence, now)) return new Map();
  const rows = await session.query<TableWrites & { oid: number }>(
    `SELECT c.oid::int8::float8 AS oid, coalesce(s.n_tup_ins, 0)::float8 AS inserts,
            coalesce(s.n_tup_upd, 0)::float8 AS updates, coalesce(s.n_tup_del, 0)::float8 AS deletes
       FROM pg_class c LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid WHERE c.relkind = 'r'`,
    [],
    'looking for tables without writes',
  );
  return new Map(rows.map(({ oid: table, ...writes }) => [table, writes]));
}
