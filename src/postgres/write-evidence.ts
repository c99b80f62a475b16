import { formatQualifiedName } from '../domain/qualified-name.js';
import { sameStatistics, type WriteEvidence } from '../domain/write-evidence.js';
import type { Session } from './session.js';

/**
 * Reads the evidence for a database without sessions.
 * @returns null where it proves nothing: PostgreSQL 14 sends its statistics over a lossy channel, and without
 *   track_counts there are none
 */
export async function readWriteEvidence(
  session: Session,
  oid: number,
): Promise<WriteEvidence | null> {
  if (session.serverVersion < 150000) return null;
  const [row] = await session.query<WriteEvidence>(
    `SELECT coalesce(b.stats_reset::text, '') AS "serverReset", d.stats_reset::text AS "databaseReset",
            (d.tup_inserted + d.tup_updated + d.tup_deleted)::text AS writes,
            pg_snapshot_xmax(pg_current_snapshot())::text AS "nextXid"
       FROM pg_stat_database d, pg_stat_bgwriter b
      WHERE d.datid = $1 AND current_setting('track_counts')::bool
        AND NOT EXISTS (SELECT FROM pg_db_role_setting, unnest(setconfig) entry
                         WHERE setdatabase IN (0, $1) AND entry LIKE 'track_counts=%')`,
    [oid],
    'looking for writes',
  );
  return row ?? null;
}

/**
 * The tables of the session's database that certainly hold the same rows as when the database was made. A new
 * database starts with empty statistics, so a table without a counted write that was not rewritten either
 * (a TRUNCATE counts no rows, but like all DDL it leaves a new version of the row in pg_class) is as it was.
 * @param made evidence from when the database was made, before anybody could write to it
 * @param oid the session's database
 */
export async function readUnwrittenTables(
  session: Session,
  oid: number,
  made: WriteEvidence,
): Promise<string[]> {
  const now = await readWriteEvidence(session, oid);
  if (!now || !sameStatistics(made, now)) return [];
  const rows = await session.query<{ schema: string; name: string }>(
    `SELECT n.nspname::text AS schema, c.relname::text AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
      WHERE c.relkind = 'r'
        AND coalesce(s.n_tup_ins + s.n_tup_upd + s.n_tup_del, 0) = 0
        AND age(c.xmin) > age(($1::numeric % 4294967296)::text::xid)
        -- Renaming schemas gives tables other names without touching their rows in pg_class.
        AND age(n.xmin) > age(($1::numeric % 4294967296)::text::xid)
        -- Beyond half of the 32-bit circle "older" has no meaning.
        AND pg_snapshot_xmax(pg_current_snapshot())::text::numeric - $1::numeric < 2000000000`,
    [made.nextXid],
    'looking for tables without writes',
  );
  return rows.map(formatQualifiedName);
}

/** The tables of the session's database with a counted write, by name. */
export async function readWrittenTables(session: Session): Promise<string[]> {
  const rows = await session.query<{ schema: string; name: string }>(
    `SELECT schemaname::text AS schema, relname::text AS name FROM pg_stat_user_tables
      WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 ORDER BY 1, 2`,
    [],
    'looking for tables that were written to',
  );
  return rows.map(formatQualifiedName);
}
