import { isBranchProtected } from '../../domain/branch.js';
import { isNeededBy } from '../../domain/branch-gc.js';
import type { SessionPolicy } from '../../domain/database-session.js';
import { forever } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import { recorded } from '../ledger/recorded.js';
import { readLiveCounts } from '../snapshot/live-counts.js';
import { closingSessions } from '../snapshot/read-clone.js';
import type { Target } from '../target/open-target.js';
import { readTimeline } from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { removeUnusedBases } from './base.js';
import type { FoundBranch } from './driver.js';
import { driverOf } from './drivers.js';
import { findBranch, findBranches } from './find-branch.js';
import { withBranchTarget } from './open-branch.js';

/** What the removal of a branch would remove for good. */
export interface BranchLoss {
  readonly branch: FoundBranch;
  /** Exact rows in its tables; null: it is stopped or damaged, or counting took too long. */
  readonly rows: number | null;
  readonly logicalBytes: number;
  /** Tags of its own snapshots. Archives of them stay in the store. */
  readonly snapshots: readonly string[];
}

/** Asks whether the loss is meant. Without it, nothing is removed. */
export type ConfirmBranchDeletion = (loss: BranchLoss) => boolean | Promise<boolean>;

export interface DeleteBranchOptions extends WorkOptions {
  readonly name: string;
  readonly confirm?: ConfirmBranchDeletion | undefined;
  /** Names of the branches that working trees work on: they are not deleted. */
  readonly current?: readonly string[] | undefined;
  /** Sessions in it; default "wait". */
  readonly sessions?: SessionPolicy | undefined;
}

export interface DeletedBranch {
  readonly ok: true;
  readonly name: string;
  readonly database: string;
  /** Tags of the snapshots that went with it: its own, and those that only it had started from. */
  readonly snapshots: readonly string[];
}

/**
 * Removes a branch and the snapshots of its own timeline, after its loss was named and approved.
 *
 * @example
 * await deleteBranch(root, { name: 'invoices', confirm: ({ rows }) => rows === 0 });
 * @throws BelayError BRANCH_NOT_FOUND, PROTECTED, BRANCH_IN_USE, NOT_CONFIRMED, SESSIONS_IN_THE_WAY, LOCKED
 */
export async function deleteBranch(
  root: Target,
  options: DeleteBranchOptions,
): Promise<DeletedBranch> {
  const branch = await findBranch(root, options.name);
  refuseProtected(branch);
  refuseCurrent(branch, options.current);
  const loss = await measureLoss(root, branch);
  await confirmLoss(loss, options.confirm);
  return recorded(
    root,
    'branch-delete',
    options.reporter,
    () => underLock(root, options, (work) => remove(work, branch, options, loss)),
    ({ name, database, snapshots }) => ({
      ...{ snapshot: null, rows: loss.rows },
      details: { branch: name, database, snapshots },
    }),
  );
}

/** Removes a branch whose removal was approved. The target's lock is held. */
export async function removeBranch(
  work: Work,
  branch: FoundBranch,
  sessions: SessionPolicy = 'wait',
): Promise<string[]> {
  await driverOf(branch.record.isolation).remove(work, branch, sessions);
  return removeUnusedBases(work, await findBranches(work.target));
}

async function remove(
  work: Work,
  { record: { id } }: FoundBranch,
  options: DeleteBranchOptions,
  loss: BranchLoss,
): Promise<DeletedBranch> {
  const branches = await findBranches(work.target);
  // As it is now: it may have been protected, or made anew under its name.
  const branch = branches.find(({ record }) => record.id === id);
  if (!branch) {
    const message = `branch "${options.name}" was removed meanwhile`;
    throw new BelayError('BRANCH_NOT_FOUND', message, { hint: 'There is nothing left to do.' });
  }
  refuseProtected(branch);
  refuseBase(branch, branches);
  const bases = await removeBranch(work, branch, options.sessions);
  const { name, database } = branch.record;
  return { ok: true, name, database, snapshots: [...loss.snapshots, ...bases] };
}

/** @throws BelayError PROTECTED */
function refuseProtected({ record }: FoundBranch): void {
  if (!isBranchProtected(record, new Date())) return;
  const until = record.protectedUntil === forever ? '' : ` until ${record.protectedUntil}`;
  throw new BelayError('PROTECTED', `branch "${record.name}" is protected${until}`, {
    hint: `\`belay branch unprotect ${JSON.stringify(record.name)}\` first, if it really may go.`,
  });
}

function refuseCurrent({ record }: FoundBranch, current: readonly string[] = []): void {
  if (!current.includes(record.name)) return;
  throw new BelayError('BRANCH_IN_USE', `a working tree is on branch "${record.name}"`, {
    hint: 'Switch to another one there first, e.g. `belay branch switch main`.',
  });
}

/** @throws BelayError BRANCH_IN_USE where another branch starts from a snapshot of this one */
function refuseBase({ record }: FoundBranch, branches: readonly FoundBranch[]): void {
  const others = branches.filter((other) => isNeededBy(record, other.record));
  if (others.length === 0) return;
  const names = others.map((other) => `"${other.record.name}"`).join(', ');
  throw new BelayError(
    'BRANCH_IN_USE',
    `${names} ${others.length === 1 ? 'starts' : 'start'} from "${record.name}"`,
    { hint: `Delete ${others.length === 1 ? 'that branch' : 'those branches'} first.` },
  );
}

/** How long counting may take: a deletion must not wait for the scan of a large table. */
const countBudgetMs = 5_000;

/** Exact rows within a few seconds, size and snapshots of a branch. */
export async function measureLoss(root: Target, branch: FoundBranch): Promise<BranchLoss> {
  const { logicalBytes } = await driverOf(branch.record.isolation).size(root, branch);
  const own = await readOwn(root, branch).catch((error: unknown) => {
    // What cannot be opened can still be removed; that its rows are not known is said.
    if (error instanceof BelayError && error.kind !== 'bug') return { rows: null, snapshots: [] };
    throw error;
  });
  return { branch, logicalBytes, ...own };
}

async function readOwn(
  root: Target,
  branch: FoundBranch,
): Promise<Pick<BranchLoss, 'rows' | 'snapshots'>> {
  if (branch.state !== 'ready') return { rows: null, snapshots: [] };
  return withBranchTarget(root, branch, 'branch delete', async (target) => {
    const isSchema = branch.record.isolation === 'schema';
    const { clones } = isSchema ? { clones: [] } : await readTimeline(target.main, target.database);
    const counts = await closingSessions(
      () => target.openDatabase(target.database),
      async (open) => readLiveCounts(await open(), countBudgetMs),
    );
    const prefix = `${branch.record.schema}.`;
    const own = Object.entries(counts).filter(([table]) => !isSchema || table.startsWith(prefix));
    const rows = own.reduce<number | null>(
      (sum, [, count]) => (sum === null || count === null ? null : sum + count),
      0,
    );
    // What came along with the copy of a whole server is still where it came from.
    const made = clones.filter(({ record }) => record.snapshot.createdAt > branch.record.createdAt);
    const mine = branch.record.isolation === 'cluster' ? made : clones;
    return { rows, snapshots: mine.map(({ record }) => record.snapshot.tag) };
  });
}

/** @throws BelayError NOT_CONFIRMED */
async function confirmLoss(
  loss: BranchLoss,
  confirm: ConfirmBranchDeletion | undefined,
): Promise<void> {
  if (confirm && (await confirm(loss))) return;
  const { branch, rows, logicalBytes, snapshots } = loss;
  const counted = rows === null ? 'rows not counted' : `${rows} rows`;
  const more = snapshots.length === 0 ? '' : `, and its snapshots ${snapshots.join(', ')}`;
  throw new BelayError(
    'NOT_CONFIRMED',
    `deleting branch "${branch.record.name}" would remove ${counted} (${logicalBytes} bytes)${more} for good`,
    {
      hint: 'Nothing was deleted. Pass --yes to do it.',
      details: { name: branch.record.name, rows, logicalBytes, snapshots },
    },
  );
}
