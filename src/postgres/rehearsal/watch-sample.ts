import type { LockSample, SeenLock, SeenStatement } from '../../domain/rehearsal-locks.js';
import { quoteLiteral, type Session } from '../session.js';

/** Objects below this number come with PostgreSQL itself (FirstNormalObjectId). */
export const firstUserOid = 16_384;

/**
 * One look, one query: what it costs decides how short a lock may be to be seen. Readers' locks are left out: every query takes some, and
 * they hold up only what locks everybody out. Autovacuum's are not the migration's; a parallel worker's are its leader's too. Of other
 * roles' sessions a role without pg_read_all_stats is told hardly more than their locks.
 */
const sampleSql = `
  PREPARE belay_lock_sample (text) AS
  WITH sessions AS MATERIALIZED (
    SELECT a.pid, coalesce(a.backend_start::text, '') AS backend_start, a.xact_start::text AS xact_start,
           extract(epoch FROM a.query_start)::float8 * 1000 AS started_ms,
           a.query, a.state, a.datid
      FROM pg_stat_activity a
     WHERE a.datname = $1 AND a.pid <> pg_backend_pid()
       AND coalesce(a.backend_type, '') NOT IN ('autovacuum worker', 'parallel worker', 'walsender')
  )
  SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS at_ms,
         (SELECT json_agg(json_build_object(
                   'pid', pid, 'backendStart', backend_start, 'startedMs', coalesce(started_ms, 0),
                   'sql', nullif(query, '<insufficient privilege>'), 'isActive', coalesce(state = 'active', false)))
            FROM sessions) AS statements,
         (SELECT json_agg(json_build_object(
                   'pid', s.pid, 'backendStart', s.backend_start, 'transactionStart', s.xact_start,
                   'relation', l.relation::int8, 'mode', l.mode, 'granted', l.granted,
                   'waitedMs', coalesce(extract(epoch FROM clock_timestamp() - l.waitstart)::float8 * 1000, 0)))
            FROM pg_locks l
            JOIN sessions s ON s.pid = l.pid AND s.datid = l.database
           WHERE l.locktype = 'relation' AND l.relation >= ${firstUserOid}
             AND l.mode <> 'AccessShareLock') AS locks`;

interface SampleRow {
  readonly at_ms: number;
  readonly statements: readonly SeenStatement[] | null;
  readonly locks: readonly SeenLock[] | null;
}

/**
 * Plans the look once: planning takes longer than looking.
 * @returns looks at the locks and statements of a database at this moment; of one that is not there it finds none
 */
export async function prepareLockSamples(
  session: Session,
): Promise<(database: string) => Promise<LockSample>> {
  const doing = 'watching locks';
  await session.execute(`SET plan_cache_mode = force_generic_plan; ${sampleSql}`, doing);
  return async (database) => {
    const execute = `EXECUTE belay_lock_sample (${quoteLiteral(database)})`;
    const row = await session.queryOne<SampleRow>(execute, [], doing);
    return { atMs: row.at_ms, statements: row.statements ?? [], locks: row.locks ?? [] };
  };
}
