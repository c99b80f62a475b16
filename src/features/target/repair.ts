import { reportStep } from '../../domain/reporter.js';
import { toBelayError } from '../../errors.js';
import { removeDeadScratchFolders } from '../../process/scratch-folder.js';
import { removeDeadThrowaways } from '../../process/throwaway-cluster.js';
import { readArchives } from '../archive/archives.js';
import { cleanStore, type StoreLeftover } from '../archive/clean-store.js';
import { removeDeadDrills } from '../archive/drill-claim.js';
import { archivePlace } from '../archive/place.js';
import { removeUnusedBases } from '../branch/base.js';
import type { BranchLeftover } from '../branch/driver.js';
import { findRelatedBranches } from '../branch/find-branch.js';
import { removeLeftovers } from '../branch/repair-branches.js';
import { localServerPlace } from '../local/local-server.js';
import { cleanShadowLeftovers, type ShadowLeftover } from '../shadow/leftovers.js';
import { ensureCounted } from '../snapshot/count-previous.js';
import { cleanTableLeftovers } from '../table/table-leftovers.js';
import { removeTestLeftovers, type TestLeftover } from '../test-database/remove.js';
import { describeLeftover, type FoundLeftover } from './leftovers.js';
import type { Target } from './open-target.js';
import { underLock, type Work, type WorkOptions } from './work.js';

/** What a killed drill or restore left on this machine. */
export interface LocalLeftover {
  readonly kind: 'throwaway-server' | 'scratch-folder';
  readonly folder: string;
  readonly detail: string;
}

/** What an interrupted restore of single tables left in the target itself. */
export interface SchemaLeftover {
  readonly kind: 'table-aside';
  readonly schema: string;
  readonly detail: string;
}

/** A database of a drill or a rehearsal that was killed. */
export interface ThrownAwayLeftover {
  readonly kind: 'throwaway-database';
  readonly database: string;
  readonly detail: string;
}

/** A snapshot that was taken for a branch which is gone, or was never finished. */
export interface BaseLeftover {
  readonly kind: 'branch-base';
  /** Its tag. */
  readonly name: string;
  readonly detail: string;
}

/** On the server, in the database, in the store, or on this machine. */
export type Repaired =
  | FoundLeftover
  | ThrownAwayLeftover
  | TestLeftover
  | SchemaLeftover
  | BranchLeftover
  | BaseLeftover
  | ShadowLeftover
  | StoreLeftover
  | LocalLeftover;

export interface RepairResult {
  readonly ok: true;
  readonly found: readonly Repaired[];
  readonly cleaned: readonly Repaired[];
}

/**
 * Finds and cleans what an interrupted run left of a target: half-made copies, interrupted deletions, snapshots left
 * open, snapshots whose rows were not counted; tables that were being restored; copies of rehearsals; replication slots and publications of a shadow that is gone; archives that were never sealed, uploads that were never finished, sealed
 * archives that the ledger does not know of; throwaway servers. Every command that changes something does the first three as
 * well, every checkpoint those of the store.
 *
 * A store that is out of reach is a warning: the server is repaired without it.
 *
 * @example
 * const { cleaned } = await repairTarget(target);
 * @throws BelayError LOCKED
 */
export async function repairTarget(
  target: Target,
  options: WorkOptions = {},
): Promise<RepairResult> {
  return underLock(target, options, async (work) => {
    const counted = await countUncounted(work);
    const tables = await cleanTables(work);
    const shadows = await cleanShadowLeftovers(target, work.timeline);
    // Copies and databases in which schemas were built, on a server that lives longer than the run that made them.
    const thrownAway = (await removeDeadDrills(work.main)).map(describeThrownAway);
    const tests = await removeTestLeftovers(work.main);
    const branches = await removeLeftovers(work);
    const bases = (await removeUnusedBases(work, await findRelatedBranches(target))).map(
      describeBase,
    );
    const local = await removeLocalLeftovers(work);
    const stored = await repairStore(work);
    const cleaned = [
      ...work.cleaned,
      ...counted,
      ...tables,
      ...shadows,
      ...thrownAway,
      ...tests,
      ...branches,
      ...bases,
      ...local.cleaned,
      ...stored,
    ];
    return { ok: true, found: [...cleaned, ...local.left], cleaned };
  });
}

function describeBase(name: string): BaseLeftover {
  return { kind: 'branch-base', name, detail: 'where a branch started that is gone' };
}

export function describeThrownAway(database: string): ThrownAwayLeftover {
  const detail = 'a copy of a rehearsal or a drill that was killed';
  return { kind: 'throwaway-database', database, detail };
}

async function countUncounted(work: Work): Promise<FoundLeftover[]> {
  const uncounted = work.timeline.leftovers.filter((leftover) => leftover.kind === 'not-counted');
  for (const { database, record } of uncounted) await ensureCounted(work, { database, record });
  return uncounted.map(describeLeftover);
}

async function cleanTables({ target, timeline }: Work): Promise<SchemaLeftover[]> {
  if (!timeline.live) return [];
  const session = await target.openDatabase(target.database);
  try {
    const cleaned = await cleanTableLeftovers(session);
    return cleaned.map((leftover) => ({ kind: 'table-aside', ...leftover }));
  } finally {
    await session.close();
  }
}

async function removeLocalLeftovers({ target, reporter }: Work) {
  const { removed, failed } = await removeDeadThrowaways(localServerPlace(target).home);
  for (const { folder, why } of failed) {
    reporter({ type: 'warning', message: `cannot remove what is left in ${folder}: ${why}` });
  }
  const asServer = (folder: string): LocalLeftover => ({
    ...{ kind: 'throwaway-server', folder },
    detail: 'the server of a drill that was killed',
  });
  const asScratch = (folder: string): LocalLeftover => ({
    ...{ kind: 'scratch-folder', folder },
    detail: 'files of a restore that was killed',
  });
  const scratch = await removeDeadScratchFolders();
  return {
    cleaned: [...removed.map(asServer), ...scratch.map(asScratch)],
    left: failed.map(({ folder }) => asServer(folder)),
  };
}

/** A store that hangs must not hold up the repair of a server for long. */
const storePatienceMs = 30_000;

async function repairStore(work: Work): Promise<readonly StoreLeftover[]> {
  const { target, main, reporter, signal } = work;
  const limit = AbortSignal.timeout(storePatienceMs);
  const both = signal ? AbortSignal.any([signal, limit]) : limit;
  try {
    return await reportStep(reporter, { name: 'look at the store' }, async () => {
      const store = await target.openStore();
      const place = await archivePlace(target);
      return cleanStore(store, place, main, await readArchives(store, place, both), both);
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    const problem = toBelayError(error);
    if (problem.kind === 'bug') throw error;
    const why = limit.aborted
      ? `it did not answer within ${storePatienceMs / 1000} s`
      : problem.message;
    reporter({ type: 'warning', message: `the store was not repaired: ${why}` });
    return [];
  }
}
