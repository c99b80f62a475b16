import type { SessionPolicy } from '../../domain/database-session.js';
import { isProtected } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import { obtainClone } from '../archive/obtain-clone.js';
import { branchesByBase } from '../branch/bases-in-use.js';
import { recorded } from '../ledger/recorded.js';
import { findLastRollback, type LastRollback } from '../rollback/last-rollback.js';
import { guardProduction, type ProductionApproval } from '../target/guard.js';
import type { Target } from '../target/open-target.js';
import type { Clone, Timeline } from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { ensureCounted } from './count-previous.js';
import {
  afterSwap,
  beforeRestore,
  openSql,
  type RestoreResult,
  recordedRestore,
  restoreInPlace,
} from './restore.js';
import { checkReplaceable, type KeepAs, swap } from './swap.js';
import { verifyUnchanged } from './verify.js';

export interface UndoOptions extends WorkOptions, ProductionApproval {
  readonly sessions?: SessionPolicy | undefined;
  readonly cwd?: string | undefined;
}

/**
 * Takes back the last restore, switch, undo or rollback of the target. What is there now is kept as a snapshot, so an undo can be
 * undone too. A state that was kept automatically is renamed back, which copies nothing; one
 * that the user tagged or protected stays on the timeline, and a copy of it is put in place.
 *
 * @throws BelayError NOTHING_TO_UNDO, and as {@link restoreSnapshot}
 */
export async function undoRestore(
  target: Target,
  options: UndoOptions = {},
): Promise<RestoreResult> {
  return recorded(
    target,
    'undo',
    options.reporter,
    () => undoGuarded(target, options),
    recordedRestore,
  );
}

async function undoGuarded(target: Target, options: UndoOptions): Promise<RestoreResult> {
  guardProduction(target, 'undo the last restore of', options);
  // Before the lock: it needs a session in the database, and the swap needs it without.
  const rollback = await findLastRollback(target, options.reporter);
  return underLock(target, options, async (work) => {
    const startedAt = performance.now();
    const found = await findUndo(work, rollback);
    const stays = await mustStay(work, found);
    const clone = await countIfAllowed(work, found, stays);
    const keepAs: KeepAs = {
      ...(await beforeRestore(work, clone, options.cwd)),
      description: 'undone',
    };
    const order = { keepAs, action: 'undo' as const, sessions: options.sessions };
    if (stays) {
      return restoreInPlace(work, clone, order, startedAt);
    }
    return swapBack(work, clone, order, startedAt);
  });
}

/**
 * The state that a restore replaced may hold tables that this role may not read. It was never copied and is only
 * renamed back, so that is no reason to keep it from its owner; it is a reason to say so.
 */
async function countIfAllowed(work: Work, clone: Clone, stays: boolean): Promise<Clone> {
  try {
    return await ensureCounted(work, clone);
  } catch (error) {
    const isForbidden = error instanceof BelayError && error.code === 'PERMISSION_DENIED';
    if (!isForbidden || stays) throw error;
    const message = `the state that comes back could not be verified: ${error.message}`;
    work.reporter({ type: 'warning', message });
    return clone;
  }
}

/**
 * What the user tagged or protected is a snapshot of theirs: renaming it back would take it from the timeline. And a branch
 * that starts from it would lose what it goes back to.
 */
async function mustStay({ target }: Work, { record: { snapshot } }: Clone): Promise<boolean> {
  if (snapshot.reason !== 'before-restore' || isProtected(snapshot, new Date())) return true;
  return (await branchesByBase(target)).has(snapshot.id);
}

/** The snapshot that the present target took the place of. */
export function undoCandidate(timeline: Timeline): Clone | undefined {
  const { live, clones } = timeline;
  return live === null
    ? undefined
    : clones.find(({ record }) => record.replacedBy?.oid === live.oid);
}

/** What is to come back: the state before the last rollback, or that before the last restore, whichever is the later. */
async function findUndo(work: Work, rollback: LastRollback | null): Promise<Clone> {
  const { timeline, target } = work;
  const { database } = target;
  const found = undoCandidate(timeline);
  const replacedAt = found?.record.replacedBy?.at ?? '';
  if (rollback && Date.parse(rollback.at) > (Date.parse(replacedAt) || 0)) {
    if (rollback.snapshotId !== null) return obtainClone(work, rollback.snapshotId, {});
    throw new BelayError(
      'NOTHING_TO_UNDO',
      `the last thing done to "${database}" was a rollback to ${rollback.to}, before which no snapshot was taken`,
      { hint: 'It lost no rows, or none was wanted. `belay migrate up` goes forward again.' },
    );
  }
  if (found) return found;
  throw new BelayError('NOTHING_TO_UNDO', `"${database}" has no restore or switch to undo`, {
    hint: 'What the last one replaced may have been deleted. `belay list` shows what is there.',
  });
}

async function swapBack(
  work: Work,
  clone: Clone,
  order: { keepAs: KeepAs; action: 'undo'; sessions: SessionPolicy | undefined },
  startedAt: number,
): Promise<RestoreResult> {
  const { database } = work.target;
  const sessions = order.sessions ?? 'wait';
  await checkReplaceable(work, sessions);
  const isCounted = clone.record.snapshot.fingerprint !== null;
  const verifiedBy = isCounted ? await verifyUnchanged(work, clone) : null;
  const swapped = await swap(work, {
    incoming: { name: clone.database.name, oid: clone.database.oid },
    openSql: openSql(database, clone),
    recordSql: [],
    keepAs: order.keepAs,
    action: order.action,
    snapshotId: null,
    sessions,
  });
  return afterSwap(work, clone, { ...swapped, verifiedBy }, startedAt);
}
