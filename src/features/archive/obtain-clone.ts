import { BelayError } from '../../errors.js';
import type { Clone, Timeline } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import type { Archive } from './archives.js';
import { type FetchOptions, fetchClone } from './fetch.js';
import { refusePartial } from './partial.js';
import { type Entry, findEntry, readWholeTimeline } from './whole-timeline.js';

/** Where a snapshot can be restored from: a clone where there is one, else its archive. */
export type Origin =
  | { readonly clone: Clone; readonly archive: null }
  | { readonly clone: null; readonly archive: Archive };

/**
 * Finds the snapshot that a reference means. One that is a clone's tag or id needs no store, so that a restore works
 * while the store is out of reach.
 * @throws BelayError SNAPSHOT_NOT_FOUND, AMBIGUOUS_REFERENCE, BAD_REFERENCE, PARTIAL_ARCHIVE, and the store's
 */
export async function findOrigin(work: Work, reference: string): Promise<Origin> {
  const { origin, entries } = await findAnyOrigin(work, reference);
  if (origin.archive) refusePartial(origin.archive, entries.find(isWhole)?.snapshot.tag);
  return origin;
}

const isWhole = ({ clone, archive }: Entry): boolean =>
  clone !== null || (archive !== null && !archive.manifest.partial);

/** The same where single tables are wanted: an archive of some tables may hold just those. */
export async function findTableOrigin(work: Work, reference: string): Promise<Origin> {
  return (await findAnyOrigin(work, reference)).origin;
}

interface Found {
  readonly origin: Origin;
  /** Newest first; none where nobody had to look. */
  readonly entries: readonly Entry[];
}

async function findAnyOrigin(work: Work, reference: string): Promise<Found> {
  const exact = findExact(work.timeline, reference);
  if (exact) return { origin: { clone: exact, archive: null }, entries: [] };
  const whole = await readWholeTimeline(work.target, work.timeline, work.signal);
  const entry = findEntry(whole, reference);
  if (whole.storeProblem) {
    const message = `archives were not looked at: ${whole.storeProblem.message}`;
    work.reporter({ type: 'warning', message });
  }
  const { entries } = whole;
  if (entry.clone) return { origin: { clone: entry.clone, archive: null }, entries };
  if (entry.archive) return { origin: { clone: null, archive: entry.archive }, entries };
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
