import { archiveOf, type Snapshot } from '../../domain/snapshot.js';
import { validateTag } from '../../domain/tag.js';
import { renameArchive } from '../archive/rename-archive.js';
import { tagExists } from '../archive/seal.js';
import { findOwnEntry, readWholeTimeline } from '../archive/whole-timeline.js';
import { recorded, recordedSnapshot } from '../ledger/recorded.js';
import type { Target } from '../target/open-target.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { writeRecord } from './count-previous.js';

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
  return recorded(
    target,
    'rename',
    options.reporter,
    () => underLock(target, options, (work) => rename(work, options)),
    // A renamed archive has an entry of its own, with its new manifest.
    ({ snapshot, previousTag }) =>
      archiveOf(snapshot) ? null : { ...recordedSnapshot(snapshot), details: { previousTag } },
  );
}

async function rename(work: Work, { reference, tag }: RenameOptions): Promise<RenameResult> {
  const whole = await readWholeTimeline(work.target, work.timeline, work.signal);
  const entry = findOwnEntry(whole, reference);
  const previousTag = entry.snapshot.tag;
  if (previousTag === tag) return { ok: true, snapshot: entry.snapshot, previousTag };
  if (whole.entries.some(({ snapshot }) => snapshot.tag === tag)) {
    throw tagExists(work.target.database, tag);
  }
  if (entry.archive) await renameArchive(work, entry.archive, tag);
  const reason = entry.snapshot.reason === 'before-restore' ? 'manual' : entry.snapshot.reason;
  if (entry.clone) {
    const { record } = entry.clone;
    const snapshot = { ...record.snapshot, tag, reason };
    await writeRecord(work, entry.clone, { ...record, snapshot });
  }
  return { ok: true, snapshot: { ...entry.snapshot, tag, reason }, previousTag };
}
