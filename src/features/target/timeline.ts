import { idFromCloneName } from '../../domain/clone-name.js';
import { type BasedOn, basedOn } from '../../domain/lineage.js';
import { type CloneRecord, parseComment, snapshotOf } from '../../domain/record.js';
import { recordingTime } from '../../domain/recording-time.js';
import { resolveReference } from '../../domain/reference.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import { type DatabaseRow, readDatabases } from '../../postgres/sql/databases.js';

/** A sealed clone: its database and the record in its comment. */
export interface Clone {
  readonly database: DatabaseRow;
  readonly record: CloneRecord;
}

/** Something that an interrupted run left, recognised by its own marks. */
export type Leftover =
  | { readonly kind: 'half-made'; readonly database: DatabaseRow }
  | { readonly kind: 'half-dropped'; readonly database: DatabaseRow }
  | { readonly kind: 'left-open'; readonly database: DatabaseRow }
  | { readonly kind: 'not-counted'; readonly database: DatabaseRow; readonly record: CloneRecord };

/** Everything on the server that belongs to one target, read in one query. */
export interface Timeline {
  /** The target itself; null where no database has its name now. */
  readonly live: DatabaseRow | null;
  /** Newest first. */
  readonly clones: readonly Clone[];
  readonly leftovers: readonly Leftover[];
  readonly basedOn: BasedOn | null;
}

/** PostgreSQL's mark of a database whose DROP was interrupted. */
const invalidDatabase = -2;

/** @throws BelayError TARGET_IS_SNAPSHOT, BAD_CONFIG where a later Belay has been at work */
export async function readTimeline(session: Session, target: string): Promise<Timeline> {
  return timelineOf(await readDatabases(session, target), target);
}

/** The timeline of one target among all databases that Belay made. @throws BelayError as {@link readTimeline} */
export function timelineOf(rows: readonly DatabaseRow[], target: string): Timeline {
  const live = rows.find(({ name }) => name === target) ?? null;
  if (live) refuseSnapshotAsTarget(live);
  const found = rows.filter((row) => row !== live).map((row) => classify(target, row));
  const clones = found
    .filter((one) => one?.kind === 'clone')
    .map(({ database, record }) => ({ database, record }))
    .sort((a, b) => compareTimes(b.record, a.record));
  const broken = found.filter((one) => one !== undefined && one.kind !== 'clone');
  const records = clones.map(({ record }) => record);
  return {
    live,
    clones,
    leftovers: [...broken, ...clones.flatMap(unfinished)],
    basedOn: live && basedOn(live.oid, records),
  };
}

/** A snapshot of a snapshot, or a restore into one, would break what the record in its comment promises. */
function refuseSnapshotAsTarget({ name, comment }: DatabaseRow): void {
  const parsed = parseComment(comment);
  if (parsed.type === 'newer') throw newerFormat(name, parsed.format);
  if (parsed.type !== 'record') return;
  const { tag, target } = parsed.record.snapshot;
  throw new BelayError(
    'TARGET_IS_SNAPSHOT',
    `"${name}" is itself a snapshot: "${tag}" of "${target.database}"`,
    {
      hint: `Point Belay at "${target.database}"; \`belay restore ${tag} --to NAME\` makes a database to work in.`,
    },
  );
}

type Classified = ({ readonly kind: 'clone' } & Clone) | Leftover | undefined;

/** What one database is to the target; undefined: nothing. @throws BelayError for a later format */
function classify(target: string, database: DatabaseRow): Classified {
  const parsed = parseComment(database.comment);
  if (parsed.type === 'newer') {
    // Only where it may be the target's own: another one's newer record is no reason to stop here.
    if (idFromCloneName(target, database.name) === undefined) return undefined;
    throw newerFormat(database.name, parsed.format);
  }
  if (parsed.type === 'foreign') {
    return isHalfMade(target, database) ? { kind: 'half-made', database } : undefined;
  }
  if (parsed.record.snapshot.target.database !== target) return undefined;
  if (database.connectionLimit === invalidDatabase) return { kind: 'half-dropped', database };
  return { kind: 'clone', database, record: parsed.record };
}

/** What is still to do on a complete clone. */
function unfinished({ database, record }: Clone): Leftover[] {
  const leftovers: Leftover[] = [];
  if (database.allowsConnections) leftovers.push({ kind: 'left-open', database });
  // The base of a branch is counted when it is first needed: making a branch must not take a scan.
  if (record.snapshot.fingerprint === null && record.purpose !== 'branch-base')
    leftovers.push({ kind: 'not-counted', database, record });
  return leftovers;
}

/**
 * Only a name with the right check characters and no comment at all is taken for half-made: a comment means
 * that somebody has adopted it.
 */
function isHalfMade(target: string, database: DatabaseRow): boolean {
  return database.comment === null && idFromCloneName(target, database.name) !== undefined;
}

function compareTimes(a: CloneRecord, b: CloneRecord): number {
  return (
    a.snapshot.createdAt.localeCompare(b.snapshot.createdAt) ||
    a.snapshot.id.localeCompare(b.snapshot.id)
  );
}

function newerFormat(database: string, format: number): BelayError {
  return new BelayError(
    'BAD_CONFIG',
    `"${database}" was made by a newer Belay (record format ${format})`,
    { hint: 'Upgrade Belay on this machine: it must not touch what it does not understand.' },
  );
}

/** The time to record for what happens now: see {@link recordingTime}. */
export function nextTime({ clones }: Timeline): string {
  return recordingTime(
    clones.map(({ record }) => record),
    new Date(),
  );
}

export function toSnapshot(clone: Clone): Snapshot {
  return snapshotOf(clone.record, clone.database.name);
}

/** @throws BelayError SNAPSHOT_NOT_FOUND, AMBIGUOUS_REFERENCE, BAD_REFERENCE */
export function findClone(timeline: Timeline, reference: string): Clone {
  const found = resolveReference(reference, timeline.clones.map(toSnapshot));
  const clone = timeline.clones.find(({ record }) => record.snapshot.id === found.id);
  if (!clone) throw new BelayError('BUG', `snapshot ${found.id} has no clone`);
  return clone;
}

/** Tags in use: a new one must not be among them. */
export function takenTags(timeline: Timeline): Set<string> {
  return new Set(timeline.clones.map(({ record }) => record.snapshot.tag));
}

/** The live target. @throws BelayError TARGET_NOT_FOUND */
export function requireLive(timeline: Timeline, target: string): DatabaseRow {
  if (timeline.live) return timeline.live;
  throw new BelayError('TARGET_NOT_FOUND', `there is no database "${target}" on the server`, {
    hint:
      timeline.clones.length > 0
        ? 'Its snapshots are there: `belay list`, then `belay restore` brings it back under its name.'
        : 'Check the name in the URL.',
  });
}
