import type { Snapshot } from '../../domain/snapshot.js';
import type { Target } from '../target/open-target.js';
import { readTimeline, snapshotsOf, type Timeline } from '../target/timeline.js';
import { undoCandidate } from './undo.js';

/** A snapshot named in passing. */
export interface SnapshotName {
  readonly id: string;
  readonly tag: string;
}

/** What the target is at this moment. */
export interface CurrentState {
  readonly server: string;
  readonly database: string;
  /** False where no database has the target's name. */
  readonly exists: boolean;
  /** The newest snapshot that was taken from it or that it was restored from, and when. */
  readonly basedOn: (SnapshotName & { readonly since: string }) | null;
  /** The state that `undo` would bring back. */
  readonly undo: SnapshotName | null;
}

export interface SnapshotList {
  /** Newest first. */
  readonly snapshots: readonly Snapshot[];
  readonly current: CurrentState;
}

/**
 * The timeline of a target, newest first. Reads the catalog only: no lock, no session in the target.
 *
 * @example
 * const { snapshots, current } = await listSnapshots(target);
 */
export async function listSnapshots(target: Target): Promise<SnapshotList> {
  const timeline = await readTimeline(target.main, target.database);
  return { snapshots: snapshotsOf(timeline), current: currentState(target, timeline) };
}

export function currentState(target: Target, timeline: Timeline): CurrentState {
  const { server, database } = target;
  const { basedOn } = timeline;
  const undo = undoCandidate(timeline)?.record.snapshot;
  return {
    server,
    database,
    exists: timeline.live !== null,
    basedOn: basedOn && {
      id: basedOn.record.snapshot.id,
      tag: basedOn.record.snapshot.tag,
      since: basedOn.since,
    },
    undo: undo ? { id: undo.id, tag: undo.tag } : null,
  };
}
