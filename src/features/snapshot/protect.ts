import { forever, type Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import { protectArchive } from '../archive/protect-archive.js';
import { findOwnEntry, readWholeTimeline } from '../archive/whole-timeline.js';
import { recorded, recordedSnapshot } from '../ledger/recorded.js';
import type { Target } from '../target/open-target.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { writeRecord } from './count-previous.js';

export interface ProtectOptions extends WorkOptions {
  readonly reference: string;
  /** Default: for ever. */
  readonly until?: Date | undefined;
}

export interface ProtectResult {
  readonly ok: true;
  readonly snapshot: Snapshot;
}

/**
 * Keeps a snapshot from being deleted or pruned, for ever or until a time.
 *
 * @example
 * await protectSnapshot(target, { reference: 'release-4', until: new Date('2027-01-01') });
 * @throws BelayError SNAPSHOT_NOT_FOUND, BAD_TIME, LOCKED
 */
export async function protectSnapshot(
  target: Target,
  options: ProtectOptions,
): Promise<ProtectResult> {
  const { until } = options;
  if (until && until.getTime() <= Date.now()) {
    throw new BelayError('BAD_TIME', `${until.toISOString()} has already passed`, {
      hint: 'Give a time in the future, or none to protect it for ever.',
    });
  }
  return setProtection(target, options, until?.toISOString() ?? forever);
}

/**
 * Lets a snapshot be deleted again.
 *
 * @example
 * await unprotectSnapshot(target, { reference: 'release-4' });
 * @throws BelayError SNAPSHOT_NOT_FOUND, LOCKED
 */
export async function unprotectSnapshot(
  target: Target,
  options: Omit<ProtectOptions, 'until'>,
): Promise<ProtectResult> {
  return setProtection(target, options, null);
}

function setProtection(
  target: Target,
  options: ProtectOptions,
  protectedUntil: string | null,
): Promise<ProtectResult> {
  return recorded(
    target,
    protectedUntil === null ? 'unprotect' : 'protect',
    options.reporter,
    () => underLock(target, options, (work) => protect(work, options.reference, protectedUntil)),
    ({ snapshot }) => ({ ...recordedSnapshot(snapshot), details: { protectedUntil } }),
  );
}

async function protect(
  work: Work,
  reference: string,
  protectedUntil: string | null,
): Promise<ProtectResult> {
  const whole = await readWholeTimeline(work.target, work.timeline, work.signal);
  const { clone, archive, snapshot } = findOwnEntry(whole, reference);
  if (archive) await protectArchive(await work.target.openStore(), archive, protectedUntil);
  if (clone) {
    const changed = { ...clone.record.snapshot, protectedUntil };
    await writeRecord(work, clone, { ...clone.record, snapshot: changed });
  }
  return { ok: true, snapshot: { ...snapshot, protectedUntil } };
}
