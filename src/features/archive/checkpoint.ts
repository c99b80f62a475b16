import { newSnapshotId } from '../../domain/clone-name.js';
import { formatBytes } from '../../domain/format-bytes.js';
import type { LedgerHead } from '../../domain/ledger.js';
import type { ArchiveManifest } from '../../domain/manifest.js';
import type { QualifiedName } from '../../domain/qualified-name.js';
import { reportStep } from '../../domain/reporter.js';
import type { GitState, Snapshot } from '../../domain/snapshot.js';
import { automaticTag, validateTag } from '../../domain/tag.js';
import { BelayError } from '../../errors.js';
import { readProperties } from '../../postgres/properties.js';
import { databaseSize } from '../../postgres/sql/databases.js';
import { readGitState } from '../../process/git.js';
import type { Store } from '../../store/store.js';
import { closingSessions } from '../snapshot/read-clone.js';
import type { Target } from '../target/open-target.js';
import { requireLive, takenTags } from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import {
  type ArchiveOptions,
  checkArchiveOptions,
  majorOf,
  prepareToArchive,
} from './archive-options.js';
import { type Archives, readArchives, toArchivedSnapshot } from './archives.js';
import type { CheckpointResult } from './checkpoint-result.js';
import type { ChosenTables } from './choose-tables.js';
import { cleanStore } from './clean-store.js';
import { claimDrillName } from './drill-claim.js';
import { type DrillServer, withDrillServer } from './drill-server.js';
import { type KeptDrill, useKept } from './drill-snapshot.js';
import { type Dumped, type DumpLiveOrder, dumpLive } from './dump-live.js';
import type { Facts } from './facts.js';
import { madeByJob } from './made-by-job.js';
import { type MadeArchive, manifestOf } from './make-archive.js';
import { archivePlace } from './place.js';
import { withRunMark } from './run-mark.js';
import { commitManifest, recordSealed, type Sealed, tagExists } from './seal.js';

export interface CheckpointOptions extends WorkOptions, ArchiveOptions {
  /** Default: "checkpoint-" and the time. */
  readonly tag?: string | undefined;
  readonly description?: string | undefined;
  /** Folder whose git branch and commit are recorded; default: the current one. */
  readonly cwd?: string | undefined;
  /** Kept in the snapshot: whoever begins a job again recognises what it had made. */
  readonly job?: string | undefined;
  /**
   * Gets the restored copy of a checkpoint that is sealed and proven, to do with it what it likes: it is thrown away
   * afterwards. The target's lock is held meanwhile.
   */
  readonly useDrilledCopy?:
    | ((copy: KeptDrill, checkpoint: CheckpointResult) => Promise<void>)
    | undefined;
}

export type { CheckpointResult } from './checkpoint-result.js';

/**
 * Makes a checkpoint: a pg_dump archive of the live database in the store, sealed, restored into a real PostgreSQL and
 * compared there. Nobody is disconnected or held up, but for changes of the structure of tables.
 *
 * A drill that fails is a result and not an error: look at `ok`.
 *
 * @example
 * const { ok, tag } = await takeCheckpoint(target, { tag: 'pre-deploy-4f3a9c1' });
 * if (!ok) throw new Error(`${tag} is not proven`);
 * @throws BelayError TAG_EXISTS, TOOL_MISSING, PERMISSION_DENIED, LOCK_TIMEOUT, DUMP_FAILED, STORE_UNAVAILABLE, …; then
 *   nothing was sealed and nothing is left behind
 */
export async function takeCheckpoint(
  target: Target,
  options: CheckpointOptions = {},
): Promise<CheckpointResult> {
  const { checkpoint } = await makeCheckpoint(target, { ...options, automatic: 'checkpoint' });
  return checkpoint;
}

export interface MakeCheckpointOptions extends CheckpointOptions {
  /** Beginning of the tag where none is asked for. */
  readonly automatic: string;
  /** The only tables whose rows are wanted; default: all. */
  readonly tables?: readonly QualifiedName[] | undefined;
}

export interface MadeCheckpoint {
  readonly checkpoint: CheckpointResult;
  /** Null where it holds the rows of all tables. */
  readonly chosen: ChosenTables | null;
}

/**
 * A checkpoint of the whole database or of some of its tables.
 * @throws BelayError as `takeCheckpoint`, TABLE_NOT_FOUND, USAGE
 */
export async function makeCheckpoint(
  target: Target,
  options: MakeCheckpointOptions,
): Promise<MadeCheckpoint> {
  if (options.tag !== undefined) validateTag(options.tag);
  const settings = await checkArchiveOptions(options, 'counts');
  const git = await readGitState(options.cwd ?? target.cwd);
  return underLock(target, options, async (work) => {
    const startedAt = performance.now();
    requireLive(work.timeline, target.database);
    const store = await target.openStore();
    const { tools } = await prepareToArchive(target, store, settings, work.signal);
    const archives = await readCleaned(work, store);
    const made = await madeByJob(store, archives, options.job, startedAt);
    if (made) return { checkpoint: made, chosen: null };
    const tag = freeTag(work, archives, options);
    const { description = '', tables, useDrilledCopy, job } = options;
    const order = { store, tools, settings, git, tag, description, tables, startedAt, job };
    if (settings.drill === false) {
      const { drill: _, ...made } = await archiveLive(work, { ...order, server: null });
      return made;
    }
    const server = {
      major: majorOf(work.main.serverVersion),
      ...{ drillServer: settings.drillServer, objects: await countObjects(work) },
      ...{ env: target.env, signal: work.signal, reporter: work.reporter },
      isForPrograms: useDrilledCopy !== undefined,
    };
    return withDrillServer(server, (found) =>
      archiveAndUse(work, { ...order, server: found }, found, useDrilledCopy),
    );
  });
}

/** Whoever wants the drilled copy gets it when the archive is sealed: what happens to it then harms no checkpoint. */
async function archiveAndUse(
  work: Work,
  order: LiveOrder,
  server: DrillServer,
  useCopy: CheckpointOptions['useDrilledCopy'],
): Promise<MadeCheckpoint> {
  const keepAs = useCopy && (await claimDrillName(server.session, 'rehearsal'));
  const { drill, ...made } = await archiveLive(work, { ...order, keepAs });
  if (useCopy && drill) {
    await useKept(server, keepAs, drill, (copy) => useCopy(copy, made.checkpoint));
  }
  return made;
}

/** The archives, after what runs that were killed have left in the store was cleaned. */
async function readCleaned(work: Work, store: Store): Promise<Archives> {
  const place = await archivePlace(work.target);
  const archives = await readArchives(store, place, work.signal);
  for (const { key, detail } of await cleanStore(store, place, work.main, archives)) {
    work.reporter({ type: 'note', message: `cleaned up ${key}: ${detail}` });
  }
  return archives;
}

function freeTag(
  work: Work,
  archives: Archives,
  { tag: asked, automatic }: MakeCheckpointOptions,
): string {
  const taken = takenTags(work.timeline);
  for (const { manifest } of archives.own) taken.add(manifest.snapshot.tag);
  for (const { tag } of archives.broken) taken.add(tag);
  if (asked === undefined) return automaticTag(automatic, new Date(), taken);
  if (taken.has(asked)) throw tagExists(work.target.database, asked);
  return asked;
}

/** How many objects a restore in one transaction will lock. */
function countObjects({ target }: Work): Promise<number> {
  return closingSessions(
    () => target.openDatabase(target.database),
    async (open) => {
      const { count } = await (await open()).queryOne<{ count: number }>(
        `SELECT ((SELECT count(*) FROM pg_class WHERE oid >= 16384)
               + (SELECT count(*) FROM pg_largeobject_metadata)
               + (SELECT count(*) FROM pg_proc WHERE oid >= 16384))::int AS count`,
      );
      return count;
    },
  );
}

interface LiveOrder extends DumpLiveOrder {
  readonly git: GitState | null;
  readonly tag: string;
  readonly description: string;
  readonly startedAt: number;
  readonly job: string | undefined;
}

async function archiveLive(
  work: Work,
  order: LiveOrder,
): Promise<MadeCheckpoint & Pick<MadeArchive, 'drill'>> {
  const { store } = order;
  const id = newSnapshotId();
  const place = await archivePlace(work.target);
  const run = { store, place, id, main: work.main, signal: work.signal };
  const { lockUntil } = order.settings;
  return withRunMark({ ...run, action: 'checkpoint', lockUntil }, async () => {
    const dumped = await dumpLive(work, order, id);
    const isFailed = dumped.made.drill?.result.status === 'failed';
    const seal = { store, place, action: 'checkpoint', signal: work.signal };
    const lock = { lockUntil: isFailed ? null : lockUntil };
    return reportStep(work.reporter, { name: 'seal' }, async () => {
      const manifest = await describeLive(work, order, id, dumped);
      const sealed = await commitManifest({ ...seal, ...lock, manifest });
      const ledger = await recordSealed({ ...seal, ...lock }, sealed);
      const snapshot = await sealedSnapshot(store, sealed, work);
      const checkpoint = describe(order, ledger, dumped.made, snapshot);
      return { checkpoint, chosen: dumped.chosen, drill: dumped.made.drill };
    });
  });
}

async function describeLive(
  work: Work,
  order: LiveOrder,
  id: string,
  dumped: Dumped,
): Promise<Omit<ArchiveManifest, 'ledger'>> {
  const { target, main, timeline } = work;
  const { made, facts, needs, chosen } = dumped;
  const live = requireLive(timeline, target.database);
  const isFailed = made.drill?.result.status === 'failed';
  const snapshot = {
    ...{ id, tag: isFailed ? failedTag(order.tag, id) : order.tag, description: order.description },
    ...{ createdAt: dumped.createdAt, reason: 'before-migration' as const, git: order.git },
    target: { server: target.server, database: target.database },
    fingerprint: withDrilledSequences(dumped),
    sizeBytes: chosen ? chosen.sizeBytes : ((await databaseSize(main, live.oid)) ?? 0),
    durationMs: Math.round(performance.now() - order.startedAt),
    protectedUntil: isFailed ? null : (order.settings.lockUntil?.toISOString() ?? null),
    parent: timeline.basedOn?.record.snapshot.id ?? null,
    serverVersion: main.serverVersion,
    ...(order.job === undefined ? {} : { job: order.job }),
  };
  const { cluster } = await archivePlace(target);
  return manifestOf(snapshot, made, {
    ...{ ...needs, cluster, properties: await readProperties(main, live.oid) },
    ...{ pgDump: order.tools.pgDump.version, source: 'target' },
    ...{ portableChecksum: facts.portableChecksum, contentHashes: facts.contentHashes },
    movedSequences: made.drill?.restored ? {} : dumped.moved,
    ...(chosen ? { partial: chosen.partial } : {}),
  });
}

/** Where the archive was restored, what it holds is known exactly. */
function withDrilledSequences({ made, facts, moved }: Dumped): Facts['fingerprint'] {
  const restored = made.drill?.restored?.fingerprint.sequences;
  if (!restored) return facts.fingerprint;
  const sequences = { ...facts.fingerprint.sequences };
  for (const name of Object.keys(moved)) {
    const value = restored[name];
    if (value) sequences[name] = value;
  }
  return { ...facts.fingerprint, sequences };
}

/** An archive that failed its drill is kept for a look, but must not be taken for the checkpoint. */
function failedTag(tag: string, id: string): string {
  return `${tag.slice(0, 110)}-failed-${id.slice(0, 6)}`;
}

async function sealedSnapshot(store: Store, sealed: Sealed, work: Work): Promise<Snapshot> {
  const { own } = await readArchives(store, await archivePlace(work.target));
  const archive = own.find(({ manifestKey }) => manifestKey === sealed.manifestKey);
  if (archive) return toArchivedSnapshot(archive);
  throw new BelayError('STORE_OBJECT_MISSING', `${sealed.manifestKey} is not in the store`, {
    hint: 'It was written and is gone. Something else deletes objects there.',
  });
}

function describe(
  order: LiveOrder,
  ledger: LedgerHead,
  made: MadeArchive,
  snapshot: Snapshot,
): CheckpointResult {
  const status = made.drill?.result.status ?? 'not-run';
  return {
    ok: status !== 'failed',
    tag: order.tag,
    size: formatBytes(made.file.sizeBytes),
    sizeBytes: made.file.sizeBytes,
    sha256: made.file.sha256,
    restore_drill: status,
    rows: snapshot.fingerprint?.rows ?? 0,
    tables: snapshot.fingerprint?.tables ?? 0,
    snapshot,
    durationMs: Math.round(performance.now() - order.startedAt),
    differences: made.drill?.result.differences ?? [],
    ledger,
  };
}
