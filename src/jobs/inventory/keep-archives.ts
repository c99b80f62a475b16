import { archiveOf, type Snapshot } from '../../domain/snapshot.js';
import type { SnapshotList } from '../../features/snapshot/list.js';

/**
 * The timeline, with the archives that were known before where the store cannot be read now: that one cannot see them is no
 * sign that they are gone.
 * @returns newest first
 */
export function keepArchives(
  { snapshots, storeProblem }: Pick<SnapshotList, 'snapshots' | 'storeProblem'>,
  before: readonly Snapshot[] = [],
): readonly Snapshot[] {
  if (storeProblem === null) return snapshots;
  const archived = new Map(
    before.flatMap((snapshot) => {
      const archive = archiveOf(snapshot);
      return archive ? [[snapshot.id, { snapshot, archive }] as const] : [];
    }),
  );
  const seen = snapshots.map((snapshot): Snapshot => {
    const known = archived.get(snapshot.id);
    archived.delete(snapshot.id);
    if (!known || archiveOf(snapshot)) return snapshot;
    return { ...snapshot, copies: [...snapshot.copies, known.archive] };
  });
  const others = [...archived.values()].map(
    ({ snapshot, archive }): Snapshot => ({ ...snapshot, copies: [archive] }),
  );
  return [...seen, ...others].sort(
    (a, b) => b.createdAt.localeCompare(a.createdAt) || b.id.localeCompare(a.id),
  );
}
