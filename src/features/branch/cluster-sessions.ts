import { setTimeout as sleep } from 'node:timers/promises';
import {
  adviceOnSessions,
  type DatabaseSession,
  describeSession,
  isIdle,
  type SessionPolicy,
} from '../../domain/database-session.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import { runningPort } from '../../process/branch-cluster.js';
import { throwIfAborted, type Work } from '../target/work.js';
import { folderOf } from './cluster-found.js';
import { openBranchServer } from './cluster-session.js';
import type { FoundBranch } from './driver.js';

const defaultWaitMs = 10_000;
const pollMs = 200;

/** Sessions of clients and replicas, in any database of the session's server, but the asking one. */
export function readServerSessions(session: Session): Promise<DatabaseSession[]> {
  return session.query<DatabaseSession>(
    `SELECT pid, usename::text AS user, coalesce(application_name, '') AS application,
            host(client_addr) AS client, backend_type AS "backendType", state, true AS "mayEnd",
            (extract(epoch FROM clock_timestamp() - coalesce(
               CASE WHEN state = 'idle' THEN state_change ELSE xact_start END, state_change, backend_start
            )) * 1000)::float8 AS "ageMs"
       FROM pg_stat_activity
      WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid()
      ORDER BY backend_start`,
    [],
    'looking at the sessions of the branch',
  );
}

/**
 * Lets the sessions of a branch's server go before it is stopped. "wait" gives busy ones time, and cuts idle ones; "fail" cuts
 * nobody; "terminate" asks nobody.
 * @throws BelayError SESSIONS_IN_THE_WAY
 */
export async function clearSessions(
  work: Work,
  branch: FoundBranch,
  policy: SessionPolicy,
): Promise<void> {
  const folder = folderOf(branch);
  if (policy === 'terminate' || (await runningPort(folder)) === null) return;
  const session = await openIfPossible(folder);
  if (!session) return;
  const startedAt = performance.now();
  const waitMs = policy === 'wait' ? (work.sessionsWaitMs ?? defaultWaitMs) : 0;
  try {
    for (;;) {
      throwIfAborted(work.signal);
      const all = await readServerSessions(session);
      const inTheWay = policy === 'fail' ? all : all.filter((one) => !isIdle(one));
      if (inTheWay.length === 0) return;
      if (performance.now() - startedAt >= waitMs) throw inTheWayError(branch, inTheWay, policy);
      await sleep(pollMs);
    }
  } finally {
    await session.close();
  }
}

/** A server that starts, stops or accepts nobody cannot be asked, and has nobody who would miss it. */
async function openIfPossible(folder: string): Promise<Session | undefined> {
  return openBranchServer(folder, 'belay branch').catch((error) => {
    const isOut = error instanceof BelayError && error.kind === 'environment';
    // Full of sessions is the opposite of nobody.
    if (isOut && error.code !== 'TOO_MANY_CONNECTIONS') return undefined;
    throw error;
  });
}

function inTheWayError(
  { record }: FoundBranch,
  sessions: readonly DatabaseSession[],
  policy: SessionPolicy,
): BelayError {
  const shown = sessions.slice(0, 5).map(describeSession).join('; ');
  return new BelayError(
    'SESSIONS_IN_THE_WAY',
    `branch "${record.name}" is in use: ${shown}${sessions.length > 5 ? '; …' : ''}`,
    {
      hint: adviceOnSessions(sessions, policy, 'belay'),
      details: { sessions: sessions.map(({ pid }) => pid) },
    },
  );
}
