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
  /** Since when it is in this state, or its transaction in progress, in milliseconds. */
  readonly ageMs: number;
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
