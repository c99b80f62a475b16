import type { CountedWrites } from '../domain/record.js';
import type { Session } from './session.js';

/**
 * What the server has counted in the tables of the session's database since its statistics began. Sessions tell of what
 * they wrote when they end, at the latest.
 * @returns null before PostgreSQL 15, which may lose counts, and where nothing is counted
 */
export async function readCountedWrites(session: Session): Promise<CountedWrites | null> {
  if (session.serverVersion < 150000) return null;
  await session.query('SELECT pg_stat_force_next_flush()');
  const [row] = await session.query<CountedWrites>(
    `SELECT coalesce(sum(s.n_tup_ins), 0)::float8 AS inserted, coalesce(sum(s.n_tup_upd), 0)::float8 AS updated,
            coalesce(sum(s.n_tup_del), 0)::float8 AS deleted,
            (SELECT coalesce(b.stats_reset::text, '') || ' ' || coalesce(d.stats_reset::text, '')
               FROM pg_stat_bgwriter b, pg_stat_database d WHERE d.datname = current_database()) AS since
       FROM pg_stat_user_tables s
      WHERE s.schemaname <> 'belay_shadow'
     HAVING current_setting('track_counts')::bool`,
    [],
    'reading what was written',
  );
  return row ?? null;
}

/** What was written between two countings; null where they cannot be compared. */
export function writtenBetween(
  before: CountedWrites | null | undefined,
  after: CountedWrites | null,
): Omit<CountedWrites, 'since'> | null {
  if (!before || !after || before.since !== after.since) return null;
  const written = {
    inserted: after.inserted - before.inserted,
    updated: after.updated - before.updated,
    deleted: after.deleted - before.deleted,
  };
  // A table that was dropped took its counts along.
  return Object.values(written).some((rows) => rows < 0) ? null : written;
}
