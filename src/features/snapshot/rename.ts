import type { Snapshot } from '../../domain/snapshot.js';
import { validateTag } from '../../domain/tag.js';
import type { Target } from '../target/open-target.js';
import { findClone, toSnapshot } from '../target/timeline.js';
import { underLock, type WorkOptions } from '../target/work.js';
import { writeRecord } from './count-previous.js';
import { checkTagIsFree } from './take.js';

export interface RenameOptions extends WorkOptions {
  readonly reference: string;
  readonly tag: string;
}

export interface RenameResult {
  readonly ok: true;
  readonly snapshot: Snapshot;
  readonly previousTag: string;
}

/**
 * Gives a snapshot another tag. A state that was kept automatically and gets a tag becomes the user's: undo then
 * leaves it on the timeline.
 *
 * @example
 * await renameSnapshot(target, { reference: 'latest', tag: 'before-invoices' });
 * @throws BelayError SNAPSHOT_NOT_FOUND, BAD_TAG, TAG_EXISTS, LOCKED
 */
export async function renameSnapshot(
  target: Target,
  options: RenameOptions,
): Promise<RenameResult> {
  validateTag(options.tag);
  return underLock(target, options, async (work) => {
    const clone = findClone(work.timeline, options.reference);
    const { snapshot } = clone.record;
    if (snapshot.tag !== options.tag) checkTagIsFree(work.timeline, options.tag, target.database);
    const reason = snapshot.reason === 'before-restore' ? 'manual' : snapshot.reason;
    const renamed = await writeRecord(work, clone, {
      ...clone.record,
      snapshot: { ...snapshot, tag: options.tag, reason },
    });
    return { ok: true, snapshot: toSnapshot(renamed), previousTag: snapshot.tag };
  });
}
