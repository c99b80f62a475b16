import type { QualifiedName } from '../../domain/qualified-name.js';
import type { Session } from '../session.js';

/** Tables of the session's database that can be written to by anybody else, in a stable order. */
export function readLockableTables(
  session: Session,
): Promise<(QualifiedName & { readonly oid: number })[]> {
  return session.query(
    `SELECT c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      ORDER BY c.oid`,
    [],
    'listing the tables',
  );
}

/** Who holds a lock on a table that keeps another from being had. */
export interface TableHolder {
  readonly pid: number;
  readonly table: number;
  readonly user: string | null;
  readonly application: string;
  readonly kind: string;
  readonly state: string | null;
  readonly ageMs: number | null;
}

/** Lock modes that are compatible with the wanted one. */
const compatible = {
  EXCLUSIVE: ['AccessShareLock'],
  'SHARE UPDATE EXCLUSIVE': ['AccessShareLock', 'RowShareLock', 'RowExclusiveLock'],
};

/** Whoever holds a lock on a table of the other session's database that is in the way of locking it in the given mode. */
export function readHolders(
  session: Session,
  other: Session,
  mode: keyof typeof compatible,
): Promise<TableHolder[]> {
  return session.query<TableHolder>(
    `SELECT l.pid, l.relation::int8::float8 AS table, a.usename::text AS user,
            coalesce(a.application_name, '') AS application, coalesce(a.backend_type, 'client backend') AS kind, a.state,
            (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::float8 AS "ageMs"
       FROM pg_locks l JOIN pg_database d ON d.oid = l.database
       LEFT JOIN pg_stat_activity a USING (pid)
      WHERE l.locktype = 'relation' AND l.granted AND l.pid <> $1 AND d.datname = $2
        AND l.relation >= 16384 AND NOT l.mode = ANY ($3)
      ORDER BY a.xact_start`,
    [other.pid, other.database, compatible[mode]],
    'looking at who holds tables',
  );
}

/** Each process once, in words. */
export function describeHolders(holders: readonly TableHolder[]): string[] {
  const byPid = new Map(holders.map((holder) => [holder.pid, holder]));
  return [...byPid.values()].map(({ pid, user, application, kind, state, ageMs }) => {
    const parts = [
      user ? `user ${user}` : undefined,
      application ? `application "${application}"` : undefined,
      kind === 'client backend' ? undefined : kind,
      state ?? undefined,
      ageMs === null ? undefined : `in a transaction for ${Math.round(ageMs / 1000)} s`,
    ];
    return `pid ${pid} (${parts.filter((part) => part !== undefined).join(', ')})`;
  });
}
