import type { Session } from '../session.js';

/** What a server says about a database from outside, without a session in it. */
export interface OuterEvidence {
  /** Null: there is no database of this name. */
  readonly oid: number | null;
  /** Sessions that were ever begun in it, since its statistics were reset. */
  readonly sessions: string | null;
  /** Changes whenever its statistics, or all of the server's, are lost. */
  readonly statistics: string | null;
  /** Names of roles and tablespaces, and settings of roles and databases: they belong to the whole server. */
  readonly shared: readonly string[];
}

/** What a database says of itself about writes to its relations. */
export interface InnerEvidence {
  /** Rows inserted, updated and deleted in tables of users, and pages of large objects; null: not counted. */
  readonly writes: string | null;
  /** Of every table: it changes with TRUNCATE and with all DDL. */
  readonly relations: string;
  /** Of the values of all sequences. */
  readonly sequences: string;
}

/** A session in a database, as a watcher from another one sees it. */
export interface WatchedSession {
  readonly pid: number;
  /** Null where the role may not see it. */
  readonly startedAt: string | null;
  readonly user: string | null;
  readonly application: string;
  readonly address: string | null;
  /** Null or negative: a unix socket, or not visible. */
  readonly port: number | null;
  /** False: a worker of the server's own that may write, e.g. of an extension or a subscription. */
  readonly isClient: boolean;
}

export async function readOuterEvidence(session: Session, database: string) {
  return session.queryOne<OuterEvidence>(
    `SELECT d.oid::int8::float8 AS oid, s.sessions::text AS sessions,
            concat_ws(' ', s.stats_reset::text, b.stats_reset::text) AS statistics,
            ARRAY(SELECT 'role ' || rolname || concat_ws(' ', '', rolsuper, rolcreatedb, rolcreaterole, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit)
                    FROM pg_roles
                   UNION ALL SELECT 'tablespace ' || spcname FROM pg_tablespace
                   UNION ALL SELECT 'membership of role ' || m.roleid::regrole || ' for ' || m.member::regrole FROM pg_auth_members m
                   UNION ALL SELECT concat_ws(' ', 'setting of role', c.setrole::regrole, array_to_string(c.setconfig, ', '))
                     FROM pg_db_role_setting c WHERE c.setdatabase = 0
                   ORDER BY 1) AS shared
       FROM pg_stat_bgwriter b
       LEFT JOIN pg_database d ON d.datname = $1
       LEFT JOIN pg_stat_database s ON s.datid = d.oid`,
    [database],
    `looking for writes to "${database}"`,
  );
}

export function readInnerEvidence(session: Session): Promise<InnerEvidence> {
  return session.queryOne<InnerEvidence>(
    `SELECT CASE WHEN current_setting('track_counts')::bool THEN
              (SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::text FROM pg_stat_all_tables
                WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast'
                   OR relid = 'pg_largeobject'::regclass) END AS writes,
            (SELECT md5(coalesce(string_agg(concat_ws(' ', c.oid, c.xmin, c.relfilenode), ',' ORDER BY c.oid), ''))
               FROM pg_class c
              WHERE c.relkind IN ('r', 'p', 'm', 'v', 'S', 'f') AND c.oid >= 16384 AND c.relpersistence <> 't') AS relations,
            (SELECT md5(coalesce(string_agg(concat_ws(' ', c.oid, pg_sequence_last_value(c.oid)), ',' ORDER BY c.oid), ''))
               FROM pg_class c
              -- CASE, because conditions that are joined by AND are checked in any order.
              WHERE CASE WHEN c.relkind <> 'S' OR c.relpersistence = 't' THEN false
                         ELSE has_sequence_privilege(c.oid, 'USAGE, SELECT') END) AS sequences`,
    [],
    'looking for writes',
  );
}

/** The sessions in a database, by its OID: it may be renamed meanwhile. */
export function readWatchedSessions(session: Session, oid: number): Promise<WatchedSession[]> {
  return session.query<WatchedSession>(
    `SELECT pid, backend_start::text AS "startedAt", usename::text AS user,
            coalesce(application_name, '') AS application, host(client_addr) AS address, client_port AS port,
            coalesce(backend_type, 'client backend') IN ('client backend', 'walsender') AS "isClient"
       FROM pg_stat_activity
      WHERE datid = $1 AND pid <> pg_backend_pid()
        AND coalesce(backend_type, '') NOT IN ('autovacuum worker', 'parallel worker')`,
    [oid],
    'watching the sessions of the target',
  );
}

/** Where a session comes from, as its server sees it; null: a unix socket. */
export async function readOwnAddress(session: Session): Promise<string | null> {
  const { address } = await session.queryOne<{ address: string | null }>(
    'SELECT host(inet_client_addr()) AS address',
  );
  return address;
}

/** Ends the sessions of a database that is a copy. @returns how many there were */
export async function endSessionsOf(session: Session, database: string): Promise<number> {
  const rows = await session.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = $1 AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    [database],
    `ending the sessions of "${database}"`,
  );
  return rows.length;
}

/** How many clients are connected to a database. */
export async function countSessionsOf(session: Session, database: string): Promise<number> {
  const { sessions } = await session.queryOne<{ sessions: number }>(
    `SELECT count(*)::int AS sessions FROM pg_stat_activity
      WHERE datname = $1 AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    [database],
    `looking at the sessions of "${database}"`,
  );
  return sessions;
}
