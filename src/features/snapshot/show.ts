import type { Snapshot } from '../../domain/snapshot.js';
import { findEntry, readWholeTimeline } from '../archive/whole-timeline.js';
import type { Target } from '../target/open-target.js';
import { readTimeline } from '../target/timeline.js';

/**
 * One snapshot, whole.
 *
 * @example
 * const { fingerprint } = await showSnapshot(target, 'baseline');
 * @throws BelayError SNAPSHOT_NOT_FOUND, AMBIGUOUS_REFERENCE, BAD_REFERENCE
 */
export async function showSnapshot(target: Target, reference: string): Promise<Snapshot> {
  const timeline = await readTimeline(target.main, target.database);
  return findEntry(await readWholeTimeline(target, timeline), reference).snapshot;
}
