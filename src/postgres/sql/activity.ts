import type { DatabaseSession, PreparedTransaction } from '../../domain/database-session.js';
import type { Session } from '../session.js';

/**
 * Sessions in a database that are not the asking one. Autovacuum workers are left out (PostgreSQL
 * ends them itself when the database must be alone), parallel workers go with their leader.
 * Of another role's session a role without pg_read_all_stats sees only the process, the user and
 * the application: everything else is null, also what kind of process it is.
 */
export function readDatabaseSessions(
  session: Session,
  database: string,
): Promise<DatabaseSession[]> {
  return session.query<DatabaseSession>(
    `SELECT pid, usename::text AS user, coalesce(application_name, '') AS application,
            host(client_addr) AS client, coalesce(backend_type, 'client backend') AS "backendType", state,
            me.rolsuper OR (usesysid IS NOT NULL AND NOT coalesce(other.rolsuper, false)
              AND (pg_has_role(usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE'))) AS "mayEnd",
            (extract(epoch FROM clock_timestamp() - coalesce(
               CASE WHEN state = 'idle' THEN state_change ELSE xact_start END, state_change, backend_start
            )) * 1000)::float8 AS "ageMs"
       FROM pg_stat_activity
       JOIN pg_roles me ON me.rolname = current_user
       LEFT JOIN pg_roles other ON other.oid = usesysid
      WHERE datname = $1 AND pid <> pg_backend_pid()
        AND coalesce(backend_type, '') NOT IN ('autovacuum worker', 'parallel worker')
      ORDER BY backend_start`,
    [database],
    `looking at the sessions of "${database}"`,
  );
}

export function readPreparedTransactions(
  session: Session,
  database: string,
): Promise<PreparedTransaction[]> {
  return session.query<PreparedTransaction>(
    `SELECT gid, owner::text, (extract(epoch FROM clock_timestamp() - prepared) * 1000)::float8 AS "ageMs"
       FROM pg_prepared_xacts WHERE database = $1 ORDER BY prepared`,
    [database],
    `looking for prepared transactions in "${database}"`,
  );
}

export interface ReplicationBound {
  readonly kind: 'slot' | 'subscription';
  readonly name: string;
  readonly active: boolean;
}

/** Logical slots and subscriptions: they stay with the database's OID when it is renamed away. */
export function readReplicationBound(
  session: Session,
  database: string,
): Promise<ReplicationBound[]> {
  return session.query<ReplicationBound>(
    `SELECT 'slot' AS kind, slot_name::text AS name, active
       FROM pg_replication_slots WHERE database = $1
     UNION ALL
     SELECT 'subscription', s.subname::text, s.subenabled
       FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = $1
     ORDER BY 1, 2`,
    [database],
    `looking for replication of "${database}"`,
  );
}

/** Server processes that wait for a lock of the given one, directly or behind others that do. */
export async function readBlockedBy(session: Session, pid: number): Promise<number[]> {
  const rows = await session.query<{ pid: number }>(
    `SELECT DISTINCT l.pid FROM pg_locks l
      WHERE NOT l.granted AND $1 = ANY (pg_blocking_pids(l.pid))`,
    [pid],
    'looking at who waits',
  );
  return rows.map((row) => row.pid);
}

/** Whether the process has the lock of the database under which nobody else can connect to it. */
export async function holdsDatabaseLock(
  session: Session,
  pid: number,
  database: string,
): Promise<boolean> {
  const rows = await session.query(
    `SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.objid
      WHERE l.locktype = 'object' AND l.classid = 'pg_database'::regclass AND l.granted
        AND l.mode = 'AccessExclusiveLock' AND l.pid = $1 AND d.datname = $2`,
    [pid, database],
    'looking at the lock of the database',
  );
  return rows.length > 0;
}
