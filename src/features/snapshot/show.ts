import type { Snapshot } from '../../domain/snapshot.js';
import type { Target } from '../target/open-target.js';
import { findClone, readTimeline, toSnapshot } from '../target/timeline.js';

/**
 * One snapshot, whole.
 *
 * @example
 * const { fingerprint } = await showSnapshot(target, 'baseline');
 * @throws BelayError SNAPSHOT_NOT_FOUND, AMBIGUOUS_REFERENCE, BAD_REFERENCE
 */
export async function showSnapshot(target: Target, reference: string): Promise<Snapshot> {
  return toSnapshot(findClone(await readTimeline(target.main, target.database), reference));
}
