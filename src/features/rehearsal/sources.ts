import type { SessionPolicy } from '../../domain/database-session.js';
import type { DatabaseProperties } from '../../domain/properties.js';
import type { RehearsalSource } from '../../domain/rehearsal.js';
import { silentReporter } from '../../domain/reporter.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import { readProperties } from '../../postgres/properties.js';
import { checkCanCopy } from '../../postgres/rights.js';
import { Session } from '../../postgres/session.js';
import type { Archive } from '../archive/archives.js';
import { removeDeadDrills } from '../archive/drill-claim.js';
import { drillFromStore, type KeptDrill } from '../archive/drill-snapshot.js';
import { refuseBroken } from '../archive/fetch.js';
import { findOrigin } from '../archive/obtain-clone.js';
import type { IdentityOptions } from '../archive/open-plain.js';
import { refusePartial } from '../archive/partial.js';
import { readWholeTimeline } from '../archive/whole-timeline.js';
import type { Target } from '../target/open-target.js';
import { readTimeline, requireLive } from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import {
  type CopyServer,
  makeClosedCopy,
  type RehearsalCopies,
  removeCopy,
  withWorkingCopy,
} from './copies.js';

const applicationName = 'belay rehearse';

export interface SourceOptions extends WorkOptions, IdentityOptions {
  /**
   * "clone": of the target as it is now. "checkpoint": the newest proven one. Or a snapshot's reference. Default: a clone
   * where the server allows it, else the newest proven checkpoint.
   */
  readonly from?: string | undefined;
  /** Sessions in the target while it is cloned; default "wait", on what may be production "fail". */
  readonly sessions?: SessionPolicy | undefined;
  readonly drillServer?: string | undefined;
}

type Use<T> = (copies: RehearsalCopies) => Promise<T>;

/** What keeps a database from being cloned, and not from being rehearsed on its checkpoint. */
const cloneRefusals = new Set([
  ...['PERMISSION_DENIED', 'READ_ONLY_SERVER', 'COLLATION_MISMATCH', 'DISK_FULL'],
  ...['SESSIONS_IN_THE_WAY', 'PREPARED_TRANSACTIONS', 'LOCK_TIMEOUT', 'TOO_MANY_CONNECTIONS'],
]);

/**
 * Makes the copies of a rehearsal from the cheapest honest source, and throws them away afterwards.
 * @throws BelayError REHEARSAL_IMPOSSIBLE with what stood in the way of each source, SNAPSHOT_NOT_FOUND, and those of copying
 */
export async function withCopies<T>(
  target: Target,
  options: SourceOptions,
  use: Use<T>,
): Promise<T> {
  const { from } = options;
  if (from === 'clone') return onClone(target, options, use);
  if (from === 'checkpoint') return onNewestCheckpoint(target, options, null, use);
  if (from !== undefined) return onSnapshot(target, options, from, use);
  let isMade = false;
  try {
    return await onClone(target, options, (copies) => {
      isMade = true;
      return use(copies);
    });
  } catch (error) {
    if (isMade || !(error instanceof BelayError) || !cloneRefusals.has(error.code)) throw error;
    options.reporter?.({ type: 'note', message: `no clone: ${error.message}` });
    return onNewestCheckpoint(target, options, error, use);
  }
}

function sourceOf(
  kind: RehearsalSource['kind'],
  of: Partial<RehearsalSource> & { readonly startedAt: number },
): RehearsalSource {
  const { tag = null, createdAt = new Date().toISOString(), why = null, startedAt } = of;
  const durationMs = Math.round(performance.now() - startedAt);
  return { kind, tag, createdAt, why, durationMs };
}

function serverOf(target: Target, admin: Session): CopyServer {
  const { settings } = target;
  const open = (database?: string) =>
    database === undefined ? target.openHelper() : target.openDatabase(database);
  return { admin, settings, isShared: true, open };
}

function policyFor({ environment, isLocal }: Target): SessionPolicy {
  const isHarmless = environment === 'development' || (environment === undefined && isLocal);
  return isHarmless ? 'wait' : 'fail';
}

/** The target's lock is held only while it is copied: a rehearsal may take long, and works on what nobody else has. */
async function onClone<T>(target: Target, options: SourceOptions, use: Use<T>): Promise<T> {
  const startedAt = performance.now();
  const { signal, reporter = silentReporter } = options;
  const claims = await target.openHelper();
  try {
    await removeDeadDrills(claims);
    const made = await underLock(target, options, (work) => cloneTarget(work, options, claims));
    const source = sourceOf('clone', { startedAt });
    const order = { ...made, before: made.name, source, signal, reporter };
    return await withWorkingCopy(serverOf(target, claims), order, use).finally(() =>
      removeCopy(claims, made.name, reporter),
    );
  } finally {
    await claims.close();
  }
}

async function cloneTarget(work: Work, { sessions }: SourceOptions, claims: Session) {
  const { main, helper, target, signal, reporter } = work;
  const live = requireLive(work.timeline, target.database);
  const { oid, tablespace, owner } = live;
  await checkCanCopy(main, live);
  const properties = await readProperties(main, oid);
  const name = await makeClosedCopy(claims, {
    ...{ main, helper, source: target.database, owner, oid, tablespace, times: 2 },
    ...{ policy: sessions ?? policyFor(target), patienceMs: work.sessionsWaitMs },
    ...{ settings: target.settings, signal, reporter },
  });
  return { name, owner, properties };
}

/** A snapshot's clone is copied; the snapshot itself is what the copy is compared with. */
async function onSnapshot<T>(
  target: Target,
  options: SourceOptions,
  reference: string,
  use: Use<T>,
): Promise<T> {
  const startedAt = performance.now();
  const { clone, archive } = await underLock(target, options, (work) =>
    findOrigin(work, reference),
  );
  if (archive) return onArchive(target, archive, options, null, use);
  const { signal, reporter = silentReporter } = options;
  const { database, record } = clone;
  const { tag, createdAt } = record.snapshot;
  const claims = await target.openHelper();
  try {
    await removeDeadDrills(claims);
    await checkCanCopy(claims, database);
    const source = sourceOf('snapshot', { tag, createdAt, startedAt });
    const { properties } = record;
    const { name: before, owner } = database;
    const order = { before, owner, properties, source, signal, reporter };
    return await withWorkingCopy(serverOf(target, claims), order, use);
  } finally {
    await claims.close();
  }
}

async function onNewestCheckpoint<T>(
  target: Target,
  options: SourceOptions,
  refusal: BelayError | null,
  use: Use<T>,
): Promise<T> {
  const timeline = await readTimeline(target.main, target.database);
  const { entries, storeProblem } = await readWholeTimeline(target, timeline, options.signal);
  const archive = entries.find(
    (entry) => entry.archive?.drill.status === 'proven' && !entry.archive.manifest.partial,
  )?.archive;
  if (archive) return onArchive(target, archive, options, refusal, use);
  const store = storeProblem ? `the store: ${storeProblem.message}` : 'no checkpoint is proven';
  const reasons = refusal ? `no clone can be made (${refusal.message}), and ` : '';
  throw new BelayError('REHEARSAL_IMPOSSIBLE', `nothing to rehearse on: ${reasons}${store}`, {
    hint: '`belay checkpoint` makes a copy that is proven by a restore; `belay rehearse --from checkpoint` uses it.',
    cause: refusal ?? storeProblem ?? undefined,
  });
}

/** The archive is restored and compared as in every drill: what is not what was sealed is not rehearsed on. */
async function onArchive<T>(
  target: Target,
  archive: Archive,
  options: SourceOptions,
  refusal: BelayError | null,
  use: Use<T>,
): Promise<T> {
  const startedAt = performance.now();
  refuseBroken(archive);
  refusePartial(archive);
  const { tag } = archive.manifest.snapshot;
  const store = await target.openStore();
  let made: { readonly result: T } | undefined;
  const { result } = await drillFromStore(target, store, archive, {
    ...options,
    useCopy: async (copy) => {
      const why = refusal?.message ?? null;
      made = {
        result: await onDrilledCopy(copy, archive.manifest, { ...options, startedAt, why }, use),
      };
    },
  });
  if (made) return made.result;
  const difference = result.differences[0];
  throw new BelayError(
    'NOT_PROVEN',
    `the checkpoint "${tag}" could not be restored as it was sealed`,
    {
      hint: `${difference ? `${difference.what} ${difference.name}: ${difference.actual}. ` : ''}\`belay drill ${tag}\` says more.`,
      details: { differences: result.differences.slice(0, 20) },
    },
  );
}

/** What a drilled copy is a copy of. */
export interface DrilledSource {
  readonly snapshot: Pick<Snapshot, 'tag' | 'createdAt'>;
  readonly properties: DatabaseProperties;
}

export interface DrilledOptions extends Pick<SourceOptions, 'signal' | 'reporter'> {
  readonly startedAt: number;
  readonly why: string | null;
}

/** Rehearses on a copy that a drill has restored. */
export function onDrilledCopy<T>(
  { server, database }: KeptDrill,
  { snapshot, properties }: DrilledSource,
  { startedAt, why, signal, reporter = silentReporter }: DrilledOptions,
  use: Use<T>,
): Promise<T> {
  const { session: admin, settings, isPrivate } = server;
  const { tag, createdAt } = snapshot;
  const copyServer: CopyServer = {
    ...{ admin, settings, isShared: !isPrivate },
    open: (name = admin.database) => Session.open(settings, { database: name, applicationName }),
  };
  // Roles of the source are not on this server, or are not the same.
  const general = properties.settings.filter(({ role }) => role === null);
  return withWorkingCopy(
    copyServer,
    {
      ...{ before: database, owner: settings.user ?? 'postgres', signal, reporter },
      properties: { ...properties, grants: null, settings: general },
      source: sourceOf('checkpoint', { tag, createdAt, why, startedAt }),
    },
    use,
  );
}
