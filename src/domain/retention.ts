import { isProtected, type Snapshot } from './snapshot.js';

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

/**
 * Decides what a retention policy keeps. A protected snapshot and one in use are always kept, and
 * do not use up a place of `keepLast`: otherwise protecting one would push out another.
 * @param snapshots newest first
 * @param inUse why a snapshot is needed, by its id
 */
export function applyRetention(
  snapshots: readonly Snapshot[],
  policy: RetentionPolicy,
  inUse: ReadonlyMap<string, string>,
  now: Date,
): RetentionDecision[] {
  let places = policy.keepLast ?? 0;
  return snapshots.map((snapshot) => {
    if (isProtected(snapshot, now)) return { snapshot, keep: true, why: 'protected' };
    const use = inUse.get(snapshot.id);
    if (use !== undefined) return { snapshot, keep: true, why: use };
    if (places > 0) {
      places -= 1;
      return { snapshot, keep: true, why: `one of the last ${policy.keepLast}` };
    }
    const ageMs = now.getTime() - Date.parse(snapshot.createdAt);
    if (policy.keepWithinMs !== undefined && ageMs <= policy.keepWithinMs) {
      return { snapshot, keep: true, why: 'young enough' };
    }
    return { snapshot, keep: false, why: 'no rule keeps it' };
  });
}
