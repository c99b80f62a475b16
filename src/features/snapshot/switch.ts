import type { SessionPolicy } from '../../domain/database-session.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { validateTag } from '../../domain/tag.js';
import type { FetchOptions } from '../archive/fetch.js';
import { obtainClone } from '../archive/obtain-clone.js';
import { recorded } from '../ledger/recorded.js';
import { guardProduction, type ProductionApproval } from '../target/guard.js';
import type { Target } from '../target/open-target.js';
import { requireLive } from '../target/timeline.js';
import { underLock, type WorkOptions } from '../target/work.js';
import { ensureCounted } from './count-previous.js';
import { beforeRestore, type RestoreResult, recordedRestore, restoreInPlace } from './restore.js';
import type { KeepAs } from './swap.js';
import { checkTagIsFree } from './take.js';

export interface SwitchOptions extends WorkOptions, ProductionApproval, FetchOptions {
  readonly reference: string;
  /** Tag for the present state; without it the state is kept under an automatic tag. */
  readonly save?: string | undefined;
  readonly description?: string | undefined;
  readonly sessions?: SessionPolicy | undefined;
  readonly cwd?: string | undefined;
}

export interface SwitchResult extends RestoreResult {
  /** The present state of before, kept as a snapshot; the same as `previous`. */
  readonly saved: Snapshot;
}

/**
 * Keeps the present state as a snapshot, then puts another snapshot's state in its place. Keeping costs nothing: the
 * database itself is renamed and becomes the snapshot.
 *
 * @example
 * await switchSnapshot(target, { reference: 'baseline', save: 'wip' }); // fix the bug
 * await switchSnapshot(target, { reference: 'wip' }); // exactly where it was left
 * @throws as {@link restoreSnapshot}, and BAD_TAG, TAG_EXISTS, TARGET_NOT_FOUND
 */
export async function switchSnapshot(
  target: Target,
  options: SwitchOptions,
): Promise<SwitchResult> {
  if (options.save !== undefined) validateTag(options.save);
  return recorded(
    target,
    'switch',
    options.reporter,
    () => switchGuarded(target, options),
    recordedRestore,
  );
}

async function switchGuarded(target: Target, options: SwitchOptions): Promise<SwitchResult> {
  guardProduction(target, 'switch', options);
  return underLock(target, options, async (work) => {
    const startedAt = performance.now();
    requireLive(work.timeline, target.database);
    if (options.save !== undefined) await checkTagIsFree(work, options.save);
    const found = await obtainClone(work, options.reference, options);
    const clone = await ensureCounted(work, found);
    const keepAs = savedAs(options, await beforeRestore(work, clone, options.cwd));
    const result = await restoreInPlace(
      work,
      clone,
      { keepAs, action: 'switch', sessions: options.sessions },
      startedAt,
    );
    // A live target was there, so something was kept.
    return { ...result, saved: result.previous as Snapshot };
  });
}

function savedAs(options: SwitchOptions, automatic: KeepAs): KeepAs {
  if (options.save === undefined) return automatic;
  return {
    tag: options.save,
    description: options.description ?? '',
    reason: 'manual',
    git: automatic.git,
  };
}
