import { forever, type Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import type { Target } from '../target/open-target.js';
import { findClone, toSnapshot } from '../target/timeline.js';
import { underLock, type WorkOptions } from '../target/work.js';
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
  return underLock(target, options, async (work) => {
    const clone = findClone(work.timeline, options.reference);
    const snapshot = { ...clone.record.snapshot, protectedUntil };
    const changed = await writeRecord(work, clone, { ...clone.record, snapshot });
    return { ok: true, snapshot: toSnapshot(changed) };
  });
}
