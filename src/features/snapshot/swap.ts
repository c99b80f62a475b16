import { setTimeout as sleep } from 'node:timers/promises';
import type { BranchRecord } from '../../domain/branch.js';
import { encodeBranchRecord, parseBranchRecord } from '../../domain/branch-record.js';
import { cloneName, newSnapshotId } from '../../domain/clone-name.js';
import type { SessionPolicy } from '../../domain/database-session.js';
import type { CloneRecord, ReplacedBy } from '../../domain/record.js';
import { reportStep } from '../../domain/reporter.js';
import type { GitState, SnapshotReason } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import {
  type ExclusiveRequest,
  type Holder,
  refuseIfBlocked,
  runExclusively,
} from '../../postgres/exclusive.js';
import { readProperties } from '../../postgres/properties.js';
import { quoteIdentifier } from '../../postgres/session.js';
import { readDatabaseSessions, readReplicationBound } from '../../postgres/sql/activity.js';
import {
  commentDatabaseSql,
  type DatabaseRow,
  databaseSize,
  renameDatabaseSql,
} from '../../postgres/sql/databases.js';
import { checkTargetLock } from '../../postgres/target-lock.js';
import { sealSql } from '../target/leftovers.js';
import { type Clone, nextTime, readTimeline } from '../target/timeline.js';
import type { Work } from '../target/work.js';

/** How long the renames may wait for the database's own lock. */
const lockTimeout = '5s';

/** What the present state is kept as. */
export interface KeepAs {
  readonly tag: string;
  readonly description: string;
  readonly reason: SnapshotReason;
  readonly git: GitState | null;
}

export interface SwapRequest {
  /** The database that takes the target's name. */
  readonly incoming: { readonly name: string; readonly oid: number };
  /** Statements for the incoming database under its new name: comment, limits, open to users. */
  readonly openSql: readonly string[];
  /** Statements that record the swap elsewhere, e.g. at the snapshot that was restored. */
  readonly recordSql: readonly string[];
  readonly keepAs: KeepAs;
  readonly action: ReplacedBy['action'];
  readonly snapshotId: string | null;
  readonly sessions: SessionPolicy;
  /** The record of a branch from now on; left out: what it is. */
  readonly branch?: BranchRecord | undefined;
  /** Name of the database that is kept, instead of a clone's; free. */
  readonly previousName?: string | undefined;
}

export interface SwapResult {
  readonly outageMs: number;
  /** What was there before, complete but not counted yet; null where nothing was. */
  readonly previous: Clone | null;
}

/**
 * Puts a complete, verified database into the target's place, in one transaction: the target becomes a snapshot
 * under a clone's name, the incoming database gets the target's name. Whatever happens, exactly one
 * of the two has the name, and nothing was dropped. The outage is this transaction.
 */
export function swap(work: Work, request: SwapRequest): Promise<SwapResult> {
  return reportStep(work.reporter, { name: 'swap', detail: work.target.database }, async () => {
    await refuseReplication(work);
    // Read again: during a long copy somebody may have dropped the target, or made it anew.
    const { live } = await readTimeline(work.main, work.target.database);
    const previous = live && (await recordOfPrevious(work, live, request));
    await emptyIncoming(work, request.incoming.name);
    const { outageMs } = await runExclusively(exclusiveRequest(work, request.sessions), () =>
      renameBoth(
        work,
        { ...request, openSql: [...request.openSql, ...branchSql(work, live, request.branch)] },
        previous && { name: previous.database.name, record: () => previous.record },
      ),
    );
    return { outageMs, previous };
  });
}

/** Whatever state a branch is put to, it stays the branch that it is: its record is no part of the state. */
function branchSql(
  { target }: Work,
  live: DatabaseRow | null,
  branch: BranchRecord | undefined,
): string[] {
  const parsed = parseBranchRecord(live?.comment ?? null);
  const comment =
    branch !== undefined
      ? encodeBranchRecord(branch)
      : parsed.type === 'foreign'
        ? undefined
        : live?.comment;
  return comment === undefined ? [] : [commentDatabaseSql(target.database, comment)];
}

/**
 * The same while writers are held off already: whatever takes time was done before. Tried once, for as long as the holder
 * gives it.
 * @param previous asked for when the holder has let go, to be recorded with what is known by then
 * @throws BelayError as {@link swap}, and what letting go throws; nothing was renamed then
 */
export async function swapHeld(
  work: Work,
  request: SwapRequest & { readonly previousName: string },
  previous: () => Clone,
  holder: Holder,
): Promise<Pick<SwapResult, 'outageMs'>> {
  const exclusive = { ...exclusiveRequest(work, request.sessions), patienceMs: 0, holder };
  const kept = branchSql(work, work.timeline.live, request.branch);
  const whole = { ...request, openSql: [...request.openSql, ...kept] };
  const { outageMs } = await runExclusively(exclusive, () =>
    renameBoth(work, whole, { name: request.previousName, record: () => previous().record }),
  );
  return { outageMs };
}

export function exclusiveRequest(work: Work, policy: SessionPolicy): ExclusiveRequest {
  return {
    database: work.target.database,
    policy,
    patienceMs: work.sessionsWaitMs,
    main: work.main,
    helper: work.helper,
    signal: work.signal,
  };
}

async function renameBoth(
  work: Work,
  request: SwapRequest,
  previous: { readonly name: string; readonly record: () => CloneRecord } | null,
): Promise<void> {
  const { main, target } = work;
  const doing = `renaming "${target.database}"`;
  await main.transaction(async () => {
    await checkTargetLock(main, target.database);
    await main.execute(`SET LOCAL lock_timeout = '${lockTimeout}'`, doing);
    // If this machine goes in the middle without a word to the server, users must not stand before a locked database.
    await main.execute(`SET LOCAL idle_in_transaction_session_timeout = '10s'`, doing);
    if (previous) {
      const { name } = previous;
      await main.execute(renameDatabaseSql(target.database, name), doing);
      // From here on nobody can change what is now a snapshot.
      await main.execute(sealSql(name, previous.record()), doing);
    }
    await main.execute(renameDatabaseSql(request.incoming.name, target.database), doing);
    await main.execute([...request.openSql, ...request.recordSql].join(';'), doing);
  });
}

/** The record under which the present state is kept. Its rows are counted after the swap. */
export async function recordOfPrevious(
  work: Work,
  live: DatabaseRow,
  request: Omit<SwapRequest, 'openSql' | 'recordSql' | 'sessions'>,
): Promise<Clone> {
  const id = newSnapshotId();
  const at = nextTime(work.timeline);
  const { keepAs } = request;
  const record: CloneRecord = {
    kind: 'snapshot',
    snapshot: {
      id,
      tag: keepAs.tag,
      description: keepAs.description,
      createdAt: at,
      target: { server: work.target.server, database: work.target.database },
      reason: keepAs.reason,
      git: keepAs.git,
      fingerprint: null,
      sizeBytes: (await databaseSize(work.main, live.oid)) ?? 0,
      durationMs: 0,
      protectedUntil: null,
      parent: work.timeline.basedOn?.record.snapshot.id ?? null,
      serverVersion: work.main.serverVersion,
    },
    method: 'rename',
    copyMs: 0,
    properties: await readProperties(work.main, live.oid),
    sourceOid: live.oid,
    replacedBy: {
      oid: request.incoming.oid,
      action: request.action,
      at,
      snapshotId: request.snapshotId,
    },
    restoredAs: [],
    evidence: null,
  };
  const name = request.previousName ?? cloneName(work.target.database, id);
  return { database: { ...live, name }, record };
}

/**
 * What would make a swap fail anyway is better said before a long copy than after it.
 * @throws BelayError PROTECTED, REPLICATION_IN_THE_WAY, SESSIONS_IN_THE_WAY, PREPARED_TRANSACTIONS
 */
export async function checkReplaceable(work: Work, policy: SessionPolicy): Promise<void> {
  refuseTemplate(work);
  await refuseReplication(work);
  const { main, helper, target } = work;
  if (policy !== 'wait') await refuseIfBlocked({ database: target.database, policy, main, helper });
}

/** New databases are made from a template: for a moment there would be none. */
export function refuseTemplate({ timeline: { live } }: Work): void {
  if (!live?.isTemplate) return;
  throw new BelayError('PROTECTED', `"${live.name}" is a template database`, {
    hint: `Restore into another database with --to, or first run: ALTER DATABASE ${quoteIdentifier(live.name)} IS_TEMPLATE false`,
  });
}

/**
 * Logical slots and subscriptions belong to the database's OID: after the swap they would go on with the old state,
 * in silence. @throws BelayError REPLICATION_IN_THE_WAY
 */
async function refuseReplication(work: Work): Promise<void> {
  const bound = await readReplicationBound(work.helper, work.target.database);
  if (bound.length === 0) return;
  const names = bound.map(
    ({ kind, name, active }) => `${kind} "${name}"${active ? ' (active)' : ''}`,
  );
  throw new BelayError(
    'REPLICATION_IN_THE_WAY',
    `"${work.target.database}" has logical replication: ${names.join(', ')}; it would go on with the replaced database`,
    {
      hint: 'Restore into another database with --to, or drop the slot (pg_drop_replication_slot) or subscription (DROP SUBSCRIPTION) first.',
      details: { replication: bound },
    },
  );
}

/**
 * The sessions that counted the incoming database need a moment to be gone on the server. Others may have come in while
 * it was open, such as monitoring that visits every database: they have no work there, and would hold up the renames.
 */
async function emptyIncoming(work: Work, database: string): Promise<void> {
  for (let round = 0; round < 200; round += 1) {
    const sessions = await readDatabaseSessions(work.helper, database);
    if (sessions.length === 0) return;
    if (round >= 20) {
      const pids = sessions.map(({ pid }) => pid);
      // Where the role may not end them, the rename says so.
      await work.helper
        .query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid', [pids])
        .catch(() => {});
    }
    await sleep(5);
  }
}
