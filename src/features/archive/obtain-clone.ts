import { BelayError } from '../../errors.js';
import type { Clone, Timeline } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import type { Archive } from './archives.js';
import { type FetchOptions, fetchClone } from './fetch.js';
import { findEntry, readWholeTimeline } from './whole-timeline.js';

/** Where a snapshot can be restored from: a clone where there is one, else its archive. */
export type Origin =
  | { readonly clone: Clone; readonly archive: null }
  | { readonly clone: null; readonly archive: Archive };

/**
 * Finds the snapshot that a reference means. One that is a clone's tag or id needs no store, so that a restore works
 * while the store is out of reach.
 * @throws BelayError SNAPSHOT_NOT_FOUND, AMBIGUOUS_REFERENCE, BAD_REFERENCE, and the store's
 */
export async function findOrigin(work: Work, reference: string): Promise<Origin> {
  const exact = findExact(work.timeline, reference);
  if (exact) return { clone: exact, archive: null };
  const whole = await readWholeTimeline(work.target, work.timeline, work.signal);
  const entry = findEntry(whole, reference);
  if (whole.storeProblem) {
    const message = `archives were not looked at: ${whole.storeProblem.message}`;
    work.reporter({ type: 'warning', message });
  }
  if (entry.clone) return { clone: entry.clone, archive: null };
  if (entry.archive) return { clone: null, archive: entry.archive };
  throw new BelayError('BUG', `snapshot ${entry.snapshot.id} has no copy`);
}

function findExact(timeline: Timeline, reference: string): Clone | undefined {
  return (
    timeline.clones.find(({ record }) => record.snapshot.tag === reference) ??
    timeline.clones.find(({ record }) => record.snapshot.id === reference)
  );
}

/** The clone of a snapshot, made from its archive where there is none. */
export async function obtainClone(
  work: Work,
  reference: string,
  options: FetchOptions,
): Promise<Clone> {
  const { clone, archive } = await findOrigin(work, reference);
  if (clone) return clone;
  const { tag } = archive.manifest.snapshot;
  work.reporter({
    type: 'note',
    message: `"${tag}" has no clone here: it is restored from its archive`,
  });
  return fetchClone(work, archive, options);
}
