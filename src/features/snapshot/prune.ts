import { applyRetention, type RetentionPolicy } from '../../domain/retention.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import { guardProduction, type ProductionApproval } from '../target/guard.js';
import { dropBelayDatabase } from '../target/leftovers.js';
import type { Target } from '../target/open-target.js';
import { type Clone, snapshotsOf } from '../target/timeline.js';
import { throwIfAborted, underLock, type Work, type WorkOptions } from '../target/work.js';
import { type ConfirmDeletion, confirmLoss, lossOf } from './delete.js';
import { measureFreed } from './measure-freed.js';
import { undoCandidate } from './undo.js';

export interface PruneOptions extends WorkOptions, ProductionApproval, RetentionPolicy {
  /** Only say what would go. */
  readonly dryRun?: boolean | undefined;
  readonly confirm?: ConfirmDeletion | undefined;
}

/** A snapshot and why it stays or goes. */
export type PrunedSnapshot = Snapshot & { readonly why: string };

export interface PruneResult {
  readonly ok: true;
  readonly dryRun: boolean;
  readonly removed: readonly PrunedSnapshot[];
  readonly kept: readonly PrunedSnapshot[];
  /** Measured where the server's disk can be seen from here, else the logical size; on a dry run always that. */
  readonly freedBytes: number;
}

/**
 * Deletes what a retention policy does not keep. Protected snapshots, the one that the target is based on and the one
 * that undo would bring back are always kept.
 *
 * @example
 * const { removed } = await pruneSnapshots(target, { keepLast: 5, dryRun: true });
 * @throws BelayError USAGE without a policy, NOT_CONFIRMED, PRODUCTION_GUARD, LOCKED
 */
export async function pruneSnapshots(target: Target, options: PruneOptions): Promise<PruneResult> {
  checkPolicy(options);
  const dryRun = options.dryRun ?? false;
  if (!dryRun) guardProduction(target, 'delete snapshots of', options);
  return underLock(target, options, async (work) => {
    const now = new Date();
    const decisions = applyRetention(snapshotsOf(work.timeline), options, inUse(work), now);
    const [kept, removed] = [true, false].map((keep) =>
      decisions
        .filter((decision) => decision.keep === keep)
        .map(({ snapshot, why }) => ({ ...snapshot, why })),
    ) as [PrunedSnapshot[], PrunedSnapshot[]];
    const going = new Set(removed.map(({ id }) => id));
    const clones = work.timeline.clones.filter(({ record }) => going.has(record.snapshot.id));
    const loss = lossOf(work, clones);
    if (dryRun || clones.length === 0) {
      return { ok: true, dryRun, removed, kept, freedBytes: loss.sizeBytes };
    }
    await confirmLoss(loss, options.confirm);
    const freedBytes = await measureFreed(work, clones, () => dropAll(work, clones));
    return { ok: true, dryRun, removed, kept, freedBytes };
  });
}

function checkPolicy({ keepLast, keepWithinMs }: RetentionPolicy): void {
  const isCount = keepLast === undefined || (Number.isInteger(keepLast) && keepLast >= 0);
  if (!isCount) throw new BelayError('USAGE', `keepLast must be 0 or more, not ${keepLast}`);
  if (keepLast !== undefined || keepWithinMs !== undefined) return;
  throw new BelayError('USAGE', 'nothing says which snapshots to keep', {
    hint: 'Give --keep-last N, --keep-within 7d, or "retention" in belay.config.json.',
  });
}

/** Why a snapshot is needed, by its id. */
function inUse(work: Work): Map<string, string> {
  const { timeline } = work;
  const reasons = new Map<string, string>();
  const undo = undoCandidate(timeline);
  if (undo) reasons.set(undo.record.snapshot.id, 'undo would bring it back');
  const base = timeline.basedOn?.record.snapshot;
  if (base) reasons.set(base.id, `"${work.target.database}" is based on it`);
  // Without a live database the newest snapshot is what brings it back.
  const newest = timeline.clones[0]?.record.snapshot;
  if (!timeline.live && newest) reasons.set(newest.id, 'the database itself is missing');
  return reasons;
}

async function dropAll(work: Work, clones: readonly Clone[]): Promise<void> {
  for (const { database } of clones) {
    throwIfAborted(work.signal);
    await dropBelayDatabase(work.main, database.name);
  }
}
