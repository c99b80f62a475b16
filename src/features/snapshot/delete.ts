import { forever, isProtected, type Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import { guardProduction, type ProductionApproval } from '../target/guard.js';
import { dropBelayDatabase } from '../target/leftovers.js';
import type { Target } from '../target/open-target.js';
import { type Clone, findClone, toSnapshot } from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { measureFreed } from './measure-freed.js';
import { undoCandidate } from './undo.js';

/** What a deletion would remove for good. */
export interface DeletionLoss {
  readonly snapshots: readonly Snapshot[];
  /** Rows that exist in no other place that Belay knows of; null: one of them was never counted. */
  readonly rows: number | null;
  readonly sizeBytes: number;
  /** What else goes with it, for people, e.g. that undo is no longer possible. */
  readonly consequences: readonly string[];
}

/** Asks whether the loss is meant. Without it, nothing is deleted. */
export type ConfirmDeletion = (loss: DeletionLoss) => boolean | Promise<boolean>;

export interface DeleteOptions extends WorkOptions, ProductionApproval {
  readonly reference: string;
  readonly confirm?: ConfirmDeletion | undefined;
}

export interface DeleteResult {
  readonly ok: true;
  readonly snapshot: Snapshot;
  /** Measured where the server's disk can be seen from here, else the logical size. */
  readonly freedBytes: number;
}

/**
 * Deletes a snapshot after its loss was named and approved.
 *
 * @example
 * await deleteSnapshot(target, { reference: 'wip', confirm: (loss) => loss.rows === 0 });
 * @throws BelayError SNAPSHOT_NOT_FOUND, PROTECTED, NOT_CONFIRMED, PRODUCTION_GUARD, LOCKED
 */
export async function deleteSnapshot(
  target: Target,
  options: DeleteOptions,
): Promise<DeleteResult> {
  guardProduction(target, 'delete a snapshot of', options);
  return underLock(target, options, async (work) => {
    const clone = findClone(work.timeline, options.reference);
    refuseProtected(clone);
    await confirmLoss(lossOf(work, [clone]), options.confirm);
    const freedBytes = await measureFreed(work, [clone], () =>
      dropBelayDatabase(work.main, clone.database.name),
    );
    return { ok: true, snapshot: toSnapshot(clone), freedBytes };
  });
}

function refuseProtected({ record: { snapshot } }: Clone): void {
  if (!isProtected(snapshot, new Date())) return;
  const until = snapshot.protectedUntil === forever ? '' : ` until ${snapshot.protectedUntil}`;
  throw new BelayError('PROTECTED', `snapshot "${snapshot.tag}" is protected${until}`, {
    hint: `\`belay unprotect ${snapshot.tag}\` first, if it really may go.`,
  });
}

export function lossOf(work: Work, clones: readonly Clone[]): DeletionLoss {
  const snapshots = clones.map(toSnapshot);
  const rows = snapshots.map(({ fingerprint }) => fingerprint?.rows ?? null);
  const undo = undoCandidate(work.timeline);
  return {
    snapshots,
    rows: rows.reduce((sum, count) => (sum === null || count === null ? null : sum + count), 0),
    sizeBytes: snapshots.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    consequences:
      undo && clones.includes(undo) ? ['the last restore or switch can then not be undone'] : [],
  };
}

/** @throws BelayError NOT_CONFIRMED */
export async function confirmLoss(
  loss: DeletionLoss,
  confirm: ConfirmDeletion | undefined,
): Promise<void> {
  if (confirm && (await confirm(loss))) return;
  const tags = loss.snapshots.map(({ tag }) => `"${tag}"`).join(', ');
  const rows = loss.rows === null ? 'rows not counted' : `${loss.rows} rows`;
  const more = loss.consequences.map((consequence) => `; ${consequence}`).join('');
  throw new BelayError(
    'NOT_CONFIRMED',
    `deleting ${tags} would remove ${rows} (${loss.sizeBytes} bytes) for good${more}`,
    { hint: 'Nothing was deleted. Pass --yes to do it.', details: { ...loss } },
  );
}
