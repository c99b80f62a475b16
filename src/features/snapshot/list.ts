import type { Snapshot } from '../../domain/snapshot.js';
import { toArchivedSnapshot } from '../archive/archives.js';
import { readWholeTimeline } from '../archive/whole-timeline.js';
import type { Target } from '../target/open-target.js';
import { readTimeline, type Timeline } from '../target/timeline.js';
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
  /** Archives of databases of this name on other servers: they can be restored too. */
  readonly elsewhere: readonly Snapshot[];
  /** Manifests that are not what was sealed. */
  readonly broken: readonly { readonly tag: string; readonly why: string }[];
  /** Why archives are not among them; null: they are. */
  readonly storeProblem: string | null;
}

/**
 * The timeline of a target, newest first: clones and archives. No lock, no session in the target.
 *
 * @example
 * const { snapshots, current } = await listSnapshots(target);
 */
export async function listSnapshots(target: Target): Promise<SnapshotList> {
  const timeline = await readTimeline(target.main, target.database);
  const whole = await readWholeTimeline(target, timeline);
  return {
    snapshots: whole.entries.map(({ snapshot }) => snapshot),
    current: currentState(target, timeline),
    elsewhere: whole.others.map(toArchivedSnapshot),
    broken: whole.archives.broken.map(({ tag, why }) => ({ tag, why })),
    storeProblem: whole.storeProblem?.message ?? null,
  };
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
