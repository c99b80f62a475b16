import { parseBranchRecord } from '../../domain/branch-record.js';
import { validateDatabaseName } from '../../domain/clone-name.js';
import type { SessionPolicy } from '../../domain/database-session.js';
import { withRestore } from '../../domain/lineage.js';
import { encodeRecord, type ReplacedBy } from '../../domain/record.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { automaticTag } from '../../domain/tag.js';
import { BelayError } from '../../errors.js';
import {
  commentDatabaseSql,
  databaseExists,
  renameDatabaseSql,
} from '../../postgres/sql/databases.js';
import { readGitState } from '../../process/git.js';
import { type Archive, toArchivedSnapshot } from '../archive/archives.js';
import { type FetchOptions, withFetched } from '../archive/fetch.js';
import { findOrigin, obtainClone } from '../archive/obtain-clone.js';
import { type Recorded, recorded, recordedSnapshot } from '../ledger/recorded.js';
import { guardProduction, type ProductionApproval } from '../target/guard.js';
import type { Target } from '../target/open-target.js';
import { type Clone, nextTime, takenTags, toSnapshot } from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { type Aside, carryOver, openToUsersSql, withAside } from './build-aside.js';
import { countPrevious, ensureCounted } from './count-previous.js';
import { checkReplaceable, type KeepAs, type SwapResult, swap } from './swap.js';
import type { VerifiedBy } from './verify.js';

export interface RestoreOptions extends WorkOptions, ProductionApproval, FetchOptions {
  /** Tag, id, prefix of an id, "latest", "~1" or "@TIME". */
  readonly reference: string;
  /** Restore into a new database of this name instead of in place. */
  readonly to?: string | undefined;
  /** Sessions in the target during the swap; default "wait". */
  readonly sessions?: SessionPolicy | undefined;
  readonly cwd?: string | undefined;
}

/** What a restore, switch or undo did. Durations in milliseconds. */
export interface RestoreResult {
  readonly ok: true;
  /** The snapshot whose state is in the database now. */
  readonly snapshot: Snapshot;
  readonly database: string;
  /** How long the database could not be connected to; 0 for a restore into a new database. */
  readonly outageMs: number;
  readonly durationMs: number;
  /**
   * The restored copy's fingerprint was compared with the recorded one and is equal. False only after an undo that
   * renamed back what this role may not read, and what therefore never had a fingerprint.
   */
  readonly verified: boolean;
  /** How its rows were: counted again, or proven to be unwritten since they were counted; null: not verified. */
  readonly verifiedBy: VerifiedBy | null;
  /** What was there before, kept as a snapshot; null where nothing was replaced. */
  readonly previous: Snapshot | null;
}

/**
 * Restores a snapshot: in place, keeping what is there as a `before-restore` snapshot, or into a new database.
 * The copy is complete and verified before anything is replaced.
 *
 * @example
 * const { previous, outageMs } = await restoreSnapshot(target, { reference: 'baseline' });
 * @throws BelayError SNAPSHOT_NOT_FOUND, DATABASE_EXISTS, PRODUCTION_GUARD, FINGERPRINT_MISMATCH,
 *   SESSIONS_IN_THE_WAY, DISK_FULL, LOCKED, …; the target is unchanged then
 */
export async function restoreSnapshot(
  target: Target,
  options: RestoreOptions,
): Promise<RestoreResult> {
  checkRestoreOptions(options);
  return recorded(
    target,
    'restore',
    options.reporter,
    () => restoreGuarded(target, options),
    recordedRestore,
  );
}

/** What the ledger says of a restore, switch or undo. */
export function recordedRestore(result: RestoreResult): Recorded {
  const { database, previous, verifiedBy, outageMs } = result;
  return {
    ...recordedSnapshot(result.snapshot),
    details: { database, previous: previous?.tag ?? null, verifiedBy, outageMs },
  };
}

async function restoreGuarded(target: Target, options: RestoreOptions): Promise<RestoreResult> {
  if (options.to === undefined) guardProduction(target, 'restore into', options);
  return underLock(target, options, async (work) => {
    const startedAt = performance.now();
    if (options.to !== undefined) return restoreToNew(work, options, options.to, startedAt);
    const found = await obtainClone(work, options.reference, options);
    const clone = await ensureCounted(work, found);
    const keepAs = await beforeRestore(work, clone, options.cwd);
    return restoreInPlace(
      work,
      clone,
      { keepAs, action: 'restore', sessions: options.sessions },
      startedAt,
    );
  });
}

/**
 * What is wrong with a restore whatever the server says.
 * @throws BelayError BAD_NAME
 */
export function checkRestoreOptions({ to }: Pick<RestoreOptions, 'to'>): void {
  if (to !== undefined) validateDatabaseName(to);
}

/** How the state that a restore replaces is kept when the user gives no tag for it. */
export async function beforeRestore(
  work: Work,
  clone: Clone,
  cwd = process.cwd(),
): Promise<KeepAs> {
  return {
    tag: automaticTag('before-restore', new Date(), takenTags(work.timeline)),
    description: `replaced by "${clone.record.snapshot.tag}"`,
    reason: 'before-restore',
    git: await readGitState(cwd),
  };
}

export interface InPlaceOrder {
  readonly keepAs: KeepAs;
  readonly action: ReplacedBy['action'];
  readonly sessions: SessionPolicy | undefined;
}

/** Builds the snapshot's copy aside, verifies it, and swaps it in. */
export async function restoreInPlace(
  work: Work,
  clone: Clone,
  order: InPlaceOrder,
  startedAt: number,
): Promise<RestoreResult> {
  const { database } = work.target;
  const sessions = order.sessions ?? 'wait';
  await checkReplaceable(work, sessions);
  const swapped = await withAside(work, clone, async (aside) => ({
    verifiedBy: aside.verifiedBy,
    ...(await swap(work, {
      incoming: { name: aside.database, oid: aside.oid },
      openSql: openSql(database, clone),
      recordSql: [recordRestored(work, clone, aside)],
      keepAs: order.keepAs,
      action: order.action,
      snapshotId: clone.record.snapshot.id,
      sessions,
    })),
  }));
  return afterSwap(work, clone, swapped, startedAt);
}

/** The end of everything that swaps: counts what was replaced, and says what was done. */
export async function afterSwap(
  work: Work,
  clone: Clone,
  swapped: SwapResult & { readonly verifiedBy: VerifiedBy | null },
  startedAt: number,
): Promise<RestoreResult> {
  const previous = await countPrevious(work, swapped.previous);
  return {
    ok: true,
    snapshot: toSnapshot(clone),
    database: work.target.database,
    outageMs: Math.round(swapped.outageMs),
    durationMs: Math.round(performance.now() - startedAt),
    verified: swapped.verifiedBy !== null,
    verifiedBy: swapped.verifiedBy,
    previous: previous && toSnapshot(previous),
  };
}

/** Statements that make a copy an ordinary database, with the comment that its state had. */
export function openSql(name: string, clone: Pick<Clone, 'record'>): string[] {
  const { comment } = clone.record.properties;
  // A state of a branch is not the branch itself.
  const isBranch = parseBranchRecord(comment).type !== 'foreign';
  return [commentDatabaseSql(name, isBranch ? null : comment), openToUsersSql(name, clone)];
}

/** Notes at the snapshot which database was made from it: that is how the target knows what it is based on. */
function recordRestored(work: Work, clone: Clone, { oid, evidence }: Aside): string {
  const { live, clones } = work.timeline;
  const databases = [live, ...clones.map(({ database }) => database)];
  const existing = new Set(databases.flatMap((database) => database?.oid ?? []));
  const restored = { oid, at: nextTime(work.timeline), evidence };
  return commentDatabaseSql(
    clone.database.name,
    encodeRecord(withRestore(clone.record, restored, existing)),
  );
}

export async function restoreToNew(
  work: Work,
  options: RestoreOptions,
  name: string,
  startedAt: number,
): Promise<RestoreResult> {
  const { main } = work;
  if (await databaseExists(main, name)) {
    throw new BelayError(
      'DATABASE_EXISTS',
      `database "${name}" exists already; --to only makes new ones`,
      {
        hint: 'Choose another name. To replace a database, restore in place.',
      },
    );
  }
  const { clone, archive } = await findOrigin(work, options.reference);
  const made = clone
    ? await cloneToNew(work, await ensureCounted(work, clone), name)
    : await archiveToNew(work, archive, options, name);
  return {
    ok: true,
    snapshot: made.snapshot,
    database: name,
    outageMs: 0,
    durationMs: Math.round(performance.now() - startedAt),
    verified: true,
    verifiedBy: made.verifiedBy,
    previous: null,
  };
}

interface MadeNew {
  readonly snapshot: Snapshot;
  readonly verifiedBy: VerifiedBy;
}

async function cloneToNew(work: Work, clone: Clone, name: string): Promise<MadeNew> {
  const verifiedBy = await withAside(work, clone, async (aside) => {
    await nameAndOpen(work, aside.database, name, clone);
    return aside.verifiedBy;
  });
  return { snapshot: toSnapshot(clone), verifiedBy };
}

/** Straight from the archive: no clone is left behind that nobody asked for. */
function archiveToNew(
  work: Work,
  archive: Archive,
  options: FetchOptions,
  name: string,
): Promise<MadeNew> {
  return withFetched(work, archive, options, async (fetched) => {
    await carryOver(work, fetched.record.properties, {
      database: fetched.name,
      oid: fetched.oid,
    });
    await nameAndOpen(work, fetched.name, name, fetched);
    return { snapshot: toArchivedSnapshot(archive), verifiedBy: 'count' };
  });
}

async function nameAndOpen(
  { main }: Work,
  database: string,
  name: string,
  restored: Pick<Clone, 'record'>,
): Promise<void> {
  await main.transaction(async () => {
    await main.execute(renameDatabaseSql(database, name), `naming the copy "${name}"`);
    await main.execute(openSql(name, restored).join(';'), `opening "${name}"`);
  });
}
