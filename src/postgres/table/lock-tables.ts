import type { QualifiedName } from '../../domain/qualified-name.js';
import { quoteIdentifier, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';

/** A relation to lock. */
export interface LockRequest {
  /** As SQL. */
  readonly name: string;
  /** relkind: LOCK TABLE takes tables only, or a view with everything below it. */
  readonly kind: string;
  /** Giving a relation to its owner changes nothing and locks it, and it alone, against everybody. */
  readonly owner: string;
  readonly exclusive: boolean;
}

const words: Readonly<Record<string, string>> = {
  v: 'VIEW',
  m: 'MATERIALIZED VIEW',
  S: 'SEQUENCE',
  f: 'FOREIGN TABLE',
};

function lockSql({ name, kind, owner, exclusive }: LockRequest): string {
  const word = words[kind];
  if (word) return `ALTER ${word} ${name} OWNER TO ${quoteIdentifier(owner)}`;
  const mode = exclusive ? 'ACCESS EXCLUSIVE' : 'SHARE ROW EXCLUSIVE';
  return `LOCK TABLE ONLY ${name} IN ${mode} MODE`;
}

/** How much of the time after which a session looks for a deadlock it may take to get all locks. */
const share = 0.7;
/** And how much of it autovacuum gets to make room: a session that waits has it ended when it looks for a deadlock. */
const autovacuumShare = 2;

/**
 * A lock that only vacuum, ANALYZE and DDL wait for, and no reader or writer. Autovacuum on a large table takes hours, and
 * gives way only to who waits longer than a lock against everybody may be waited for.
 */
async function keepAutovacuumAway(
  session: Session,
  requests: readonly LockRequest[],
  deadlockMs: number,
): Promise<void> {
  const waitMs = deadlockMs * autovacuumShare;
  await session.execute(`SET LOCAL lock_timeout = ${waitMs}`, 'beginning to lock');
  for (const { name } of requests.filter(({ kind }) => words[kind] === undefined)) {
    const lock = `LOCK TABLE ONLY ${name} IN SHARE UPDATE EXCLUSIVE MODE`;
    await session.execute(lock, `locking ${name}`);
  }
}

/**
 * Takes locks, all of them in less time than a session waits before it looks for a deadlock (deadlock_timeout, 1 s): so
 * where others hold one and wait for another it is this session that gives up, and never one of the user's that fails.
 * Once all are held nothing here waits for anybody.
 * @returns from when on others may have had to wait
 */
export async function lockAll(session: Session, requests: readonly LockRequest[]): Promise<number> {
  const { setting } = await session.queryOne<{ setting: string }>(
    `SELECT setting FROM pg_settings WHERE name = 'deadlock_timeout'`,
  );
  await keepAutovacuumAway(session, requests, Number(setting));
  const startedAt = performance.now();
  const deadline = startedAt + Number(setting) * share;
  for (const request of requests) {
    const leftMs = Math.max(1, Math.floor(deadline - performance.now()));
    await session.execute(
      `SET LOCAL lock_timeout = ${leftMs}; ${lockSql(request)}`,
      `locking ${request.name}`,
    );
  }
  return startedAt;
}

/** Tables among these that the role may lock; for others a statement that needs the lock takes it. */
export async function readLockable(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<{ readonly name: string; readonly kind: string; readonly owner: string }[]> {
  return session.query(
    `SELECT c.oid::regclass::text AS name, c.relkind::text AS kind, pg_get_userbyid(c.relowner)::text AS owner
       FROM pg_class c
      WHERE c.oid IN (SELECT to_regclass(name)::oid FROM unnest($1::text[]) name) AND c.relkind IN ('r', 'p')
        AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')
      ORDER BY c.oid`,
    [tables.map(quoteQualifiedName)],
    'looking at what has to be locked',
  );
}

/** Who holds a lock on one of the tables, for people. */
export async function readLockHolders(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<string[]> {
  const rows = await session.query<{
    table: string;
    pid: number;
    user: string | null;
    app: string;
    state: string | null;
  }>(
    `SELECT DISTINCT l.relation::regclass::text AS table, a.pid, a.usename::text AS user,
            coalesce(nullif(a.application_name, ''), a.backend_type, '') AS app, a.state
       FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE l.granted AND l.locktype = 'relation' AND l.pid <> pg_backend_pid()
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.relation IN (SELECT to_regclass(name)::oid FROM unnest($1::text[]) name)
      ORDER BY 2 LIMIT 5`,
    [tables.map(quoteQualifiedName)],
    'looking for who holds the lock',
  );
  return rows.map(
    ({ table, pid, user, app, state }) =>
      `${table} is in use by server process ${pid} (${user === null ? '' : `user ${user}, `}"${app}"${state ? `, ${state}` : ''})`,
  );
}
