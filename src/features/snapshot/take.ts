import { manifestKey } from '../../domain/archive-keys.js';
import type { SessionPolicy } from '../../domain/database-session.js';
import { type CloneRecord, snapshotOf } from '../../domain/record.js';
import { reportStep } from '../../domain/reporter.js';
import type { ArchiveCopy, GitState, Snapshot, SnapshotReason } from '../../domain/snapshot.js';
import { validateTag } from '../../domain/tag.js';
import { toBelayError } from '../../errors.js';
import { readProperties } from '../../postgres/properties.js';
import { readWriteEvidence } from '../../postgres/write-evidence.js';
import { readGitState } from '../../process/git.js';
import type { Store } from '../../store/store.js';
import { archiveClone } from '../archive/archive-clone.js';
import {
  type ArchiveOptions,
  checkArchiveOptions,
  prepareToArchive,
} from '../archive/archive-options.js';
import { locationOf } from '../archive/archives.js';
import { cleanStore } from '../archive/clean-store.js';
import { archivePlace } from '../archive/place.js';
import { tagExists } from '../archive/seal.js';
import { readWholeTimeline } from '../archive/whole-timeline.js';
import { recorded, recordedSnapshot } from '../ledger/recorded.js';
import { sealSql } from '../target/leftovers.js';
import type { Target } from '../target/open-target.js';
import {
  findClone,
  nextTime,
  readTimeline,
  requireLive,
  takenTags,
  toSnapshot,
} from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { withNewCopy } from './make-copy.js';
import { countClone } from './read-clone.js';

export interface TakeSnapshotOptions extends WorkOptions {
  readonly tag: string;
  readonly description?: string | undefined;
  /** Default "manual". */
  readonly reason?: SnapshotReason | undefined;
  /** Sessions in the target while it is copied; default "wait". */
  readonly sessions?: SessionPolicy | undefined;
  /** Also make an archive of it; see `ArchiveOptions`. */
  readonly archive?: boolean | ArchiveOptions | undefined;
  /** Folder whose git branch and commit are recorded; default: the current one. */
  readonly cwd?: string | undefined;
  /** Kept in the snapshot: whoever begins a job again recognises what it had made. */
  readonly job?: string | undefined;
}

export interface TakenSnapshot {
  readonly snapshot: Snapshot;
  /** How long the target was closed to new connections, in milliseconds. */
  readonly outageMs: number;
}

/**
 * Takes a snapshot: a clone on the target's own server, counted and sealed by its record.
 *
 * @example
 * const { snapshot } = await takeSnapshot(target, { tag: 'baseline', description: 'before invoices' });
 * @throws BelayError BAD_TAG, TAG_EXISTS, TARGET_NOT_FOUND, SESSIONS_IN_THE_WAY, DISK_FULL,
 *   PERMISSION_DENIED, LOCKED, …; nothing is left behind then
 */
export async function takeSnapshot(
  target: Target,
  options: TakeSnapshotOptions,
): Promise<TakenSnapshot> {
  validateTag(options.tag);
  const git = await readGitState(options.cwd ?? process.cwd());
  return recorded(
    target,
    'snapshot',
    options.reporter,
    () => underLock(target, options, (work) => takeWhole(work, options, git)),
    ({ snapshot }) => recordedSnapshot(snapshot),
  );
}

async function takeWhole(
  work: Work,
  options: TakeSnapshotOptions,
  git: GitState | null,
): Promise<TakenSnapshot> {
  if (!options.archive) return take(work, options, git);
  const { target } = work;
  const settings = await checkArchiveOptions(
    options.archive === true ? {} : options.archive,
    false,
  );
  // Everything that can be found wrong is found before the snapshot is there.
  const store = await target.openStore();
  const { tools } = await prepareToArchive(target, store, settings, work.signal);
  const taken = await take(work, options, git);
  const archived = await archivedBefore(work, store, taken.snapshot.id, options.job);
  if (archived) return { ...taken, snapshot: archived };
  const timeline = await readTimeline(work.main, target.database);
  const clone = findClone(timeline, taken.snapshot.id);
  const order = { store, tools, settings, action: 'push' as const };
  const { manifest } = await archiveClone({ ...work, timeline }, clone, order).catch((error) => {
    const message = `the snapshot "${options.tag}" was taken, but not its archive`;
    work.reporter({ type: 'warning', message });
    throw error;
  });
  const { archive, drill } = manifest;
  const copy: ArchiveCopy = {
    ...{ type: 'archive', location: locationOf(store, archive.key), sizeBytes: archive.sizeBytes },
    ...{ sha256: archive.sha256, encrypted: archive.encryption !== null },
    drill: { status: drill.status, at: drill.at },
  };
  return { ...taken, snapshot: { ...taken.snapshot, copies: [...taken.snapshot.copies, copy] } };
}

/** With its archive, where an earlier attempt of the job had come so far. */
async function archivedBefore(
  work: Work,
  store: Store,
  id: string,
  job: string | undefined,
): Promise<Snapshot | undefined> {
  if (job === undefined) return undefined;
  const whole = await readWholeTimeline(work.target, work.timeline, work.signal);
  if (whole.storeProblem) throw whole.storeProblem;
  await cleanStore(store, await archivePlace(work.target), work.main, whole.archives, work.signal);
  const entry = whole.entries.find(({ snapshot, archive }) => archive && snapshot.id === id);
  return entry?.snapshot;
}

async function take(
  work: Work,
  options: TakeSnapshotOptions,
  git: GitState | null,
): Promise<TakenSnapshot> {
  const { main, target, timeline, reporter } = work;
  const startedAt = performance.now();
  const made = options.job
    ? timeline.clones.find(({ record }) => record.snapshot.job === options.job)
    : undefined;
  // An earlier attempt of the job was ended when it had sealed it.
  if (made) return { snapshot: toSnapshot(made), outageMs: 0 };
  const live = requireLive(timeline, target.database);
  await checkTagIsFree(work, options.tag);
  const properties = await readProperties(main, live.oid);
  const order = {
    source: live,
    sizeBytes: null,
    owner: live.owner,
    policy: options.sessions ?? 'wait',
    what: target.database,
  };
  return withNewCopy(work, order, async (copy) => {
    // The copy is exact as of the moment the source was alone, which is now at the latest.
    const createdAt = nextTime(timeline);
    const { database } = copy;
    const { fingerprint, sizeBytes } = await countClone(work, { database, step: 'count' });
    const durationMs = Math.round(performance.now() - startedAt);
    const counted = { createdAt, git, fingerprint, sizeBytes, durationMs };
    const record: CloneRecord = {
      kind: 'snapshot',
      snapshot: { id: copy.id, ...counted, ...described(work, options) },
      method: copy.method,
      copyMs: Math.round(copy.copyMs),
      properties,
      sourceOid: live.oid,
      replacedBy: null,
      restoredAs: [],
      evidence: await readWriteEvidence(main, copy.oid),
    };
    await reportStep(reporter, { name: 'seal' }, () =>
      main.execute(sealSql(database, record), 'sealing the snapshot'),
    );
    return { snapshot: snapshotOf(record, database), outageMs: Math.round(copy.outageMs) };
  });
}

/** What is known about a snapshot before it is taken. */
function described({ main, target, timeline }: Work, options: TakeSnapshotOptions) {
  return {
    tag: options.tag,
    description: options.description ?? '',
    target: { server: target.server, database: target.database },
    reason: options.reason ?? 'manual',
    protectedUntil: null,
    parent: timeline.basedOn?.record.snapshot.id ?? null,
    serverVersion: main.serverVersion,
    ...(options.job === undefined ? {} : { job: options.job }),
  };
}

/** @throws BelayError TAG_EXISTS */
export async function checkTagIsFree(work: Work, tag: string): Promise<void> {
  const { target, timeline, reporter } = work;
  if (takenTags(timeline).has(tag)) throw tagExists(target.database, tag);
  let isTaken = false;
  try {
    const signal = AbortSignal.timeout(storePatienceMs);
    const store = await target.openStore();
    const key = manifestKey(await archivePlace(target), tag);
    isTaken = (await store.stat(key, { signal })) !== undefined;
  } catch (error) {
    const message = `whether an archive has the tag "${tag}" is not known: ${toBelayError(error).message}`;
    reporter({ type: 'warning', message });
  }
  if (isTaken) throw tagExists(target.database, tag);
}

/** A snapshot inside the server must not wait for a store that hangs. */
const storePatienceMs = 10_000;
