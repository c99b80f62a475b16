/** What to do with sessions that are connected to the database that must be alone for a moment. */
export type SessionPolicy = 'wait' | 'terminate' | 'fail';

export const sessionPolicies: readonly SessionPolicy[] = ['wait', 'terminate', 'fail'];

/** One session in a database, as pg_stat_activity shows it. */
export interface DatabaseSession {
  readonly pid: number;
  readonly user: string | null;
  readonly application: string;
  /** Address, or null for a unix socket or a background worker. */
  readonly client: string | null;
  /** e.g. "client backend", "walsender", "logical replication worker". */
  readonly backendType: string;
  /** null where the role may not see it, and for background workers. */
  readonly state: string | null;
  /** Since when it is in this state, or its transaction in progress; null where the role may not see it. */
  readonly ageMs: number | null;
  /** Whether the role may end it: as a superuser, a member of its role, or of pg_signal_backend. */
  readonly mayEnd: boolean;
}

/**
 * What to do about sessions that stayed, as one sentence.
 * @param role the role that tried to end them
 */
export function adviceOnSessions(
  sessions: readonly DatabaseSession[],
  policy: SessionPolicy,
  role: string,
): string {
  const foreign = sessions.filter(({ mayEnd }) => !mayEnd);
  if (foreign.length > 0) {
    const users = [...new Set(foreign.flatMap(({ user }) => user ?? []))];
    const whose = users.length > 0 ? users.join(', ') : 'background workers';
    return (
      `Role "${role}" may not end those of ${whose}: close them there, connect as a superuser, ` +
      `or let one run GRANT pg_signal_backend TO ${role} (not enough for a superuser’s).`
    );
  }
  if (policy === 'terminate') {
    return 'They came back as fast as they were ended: stop what connects, and run it again.';
  }
  const wait = policy === 'wait' ? ', wait longer with --sessions-wait 1m' : '';
  return `Close them${wait}, or pass --sessions terminate to end them; their open transactions are rolled back.`;
}

/** A transaction that was prepared and neither committed nor rolled back: no session owns it. */
export interface PreparedTransaction {
  readonly gid: string;
  readonly owner: string;
  readonly ageMs: number;
}

/**
 * Whether ending the session loses no work. What the role may not see counts as busy, and so do
 * background workers and replication, which report no state that would tell.
 */
export function isIdle(session: DatabaseSession): boolean {
  return session.backendType === 'client backend' && session.state === 'idle';
}

function age(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/** One session in words: pid, user, application, what it does and since when. */
export function describeSession(session: DatabaseSession): string {
  const who = [
    session.user ? `user ${session.user}` : undefined,
    session.application ? `application "${session.application}"` : undefined,
    session.client ? `from ${session.client}` : undefined,
  ].filter((part) => part !== undefined);
  return `pid ${session.pid} (${[...who, activity(session)].join(', ')})`;
}

function activity(session: DatabaseSession): string {
  if (session.ageMs === null) return 'state not visible to this role';
  const since = `for ${age(session.ageMs)}`;
  if (session.backendType === 'walsender') return `streaming from a logical slot ${since}`;
  if (session.backendType.startsWith('logical replication')) {
    return `${session.backendType} of a subscription ${since}`;
  }
  if (session.backendType !== 'client backend') return `${session.backendType}, running ${since}`;
  return session.state === null ? 'state not visible to this role' : `${session.state} ${since}`;
}

export function describePrepared(transaction: PreparedTransaction): string {
  return `"${transaction.gid}" (owner ${transaction.owner}, prepared ${age(transaction.ageMs)} ago)`;
}
