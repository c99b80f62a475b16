import { isProtected, type Snapshot, type SnapshotCopy } from './snapshot.js';

export interface RetentionPolicy {
  /** Keep the newest N. */
  readonly keepLast?: number | undefined;
  /** Keep what is younger than this. */
  readonly keepWithinMs?: number | undefined;
}

export interface RetentionDecision {
  readonly snapshot: Snapshot;
  readonly keep: boolean;
  /** Why it is kept, or that no rule keeps it. */
  readonly why: string;
}

/** Whether it holds the rows of some tables only. */
function isPartial({ copies }: Snapshot): boolean {
  const isPart = (copy: SnapshotCopy) => copy.type === 'archive' && copy.dataOf !== undefined;
  return copies.length > 0 && copies.every(isPart);
}

/**
 * Decides what a retention policy keeps. A protected snapshot and one in use are always kept, and
 * do not use up a place of `keepLast`: otherwise protecting one would push out another. Archives of some tables have
 * places of their own: as many migrations would else push out the last copy of the whole database.
 * @param snapshots newest first
 * @param inUse why a snapshot is needed, by its id
 */
export function applyRetention(
  snapshots: readonly Snapshot[],
  policy: RetentionPolicy,
  inUse: ReadonlyMap<string, string>,
  now: Date,
): RetentionDecision[] {
  const { keepLast = 0 } = policy;
  const places = { whole: keepLast, partial: keepLast };
  return snapshots.map((snapshot) => {
    if (isProtected(snapshot, now)) return { snapshot, keep: true, why: 'protected' };
    const use = inUse.get(snapshot.id);
    if (use !== undefined) return { snapshot, keep: true, why: use };
    const kind = isPartial(snapshot) ? 'partial' : 'whole';
    if (places[kind] > 0) {
      places[kind] -= 1;
      return { snapshot, keep: true, why: `one of the last ${policy.keepLast}` };
    }
    const ageMs = now.getTime() - Date.parse(snapshot.createdAt);
    if (policy.keepWithinMs !== undefined && ageMs <= policy.keepWithinMs) {
      return { snapshot, keep: true, why: 'young enough' };
    }
    return { snapshot, keep: false, why: 'no rule keeps it' };
  });
}
