import type { SessionPolicy } from '../../domain/database-session.js';
import { BelayError } from '../../errors.js';
import { recorded } from '../ledger/recorded.js';
import type { Target } from '../target/open-target.js';
import { underLock, type WorkOptions } from '../target/work.js';
import type { BranchResetState } from './driver.js';
import { driverOf } from './drivers.js';
import { findBranch } from './find-branch.js';
import { removeLeftovers } from './repair-branches.js';

export interface ResetBranchOptions extends WorkOptions {
  readonly name: string;
  /** A snapshot of the branch's own or of the target, instead of the base. */
  readonly to?: string | undefined;
  readonly sessions?: SessionPolicy | undefined;
  readonly cwd?: string | undefined;
}

export interface ResetBranch extends Omit<BranchResetState, 'record'> {
  readonly ok: true;
  readonly name: string;
  readonly database: string;
  readonly durationMs: number;
}

/**
 * Puts a branch back to its base, or to a snapshot. Its URL stays. What was there stays until the other state is in place; where
 * the result names a `previous` snapshot, it is kept as that.
 *
 * @example
 * const { previous } = await resetBranch(root, { name: 'invoices' });
 * @throws BelayError BRANCH_NOT_FOUND, SNAPSHOT_NOT_FOUND, BRANCH_DAMAGED, SESSIONS_IN_THE_WAY, DISK_FULL, LOCKED, …; the
 *   branch is as it was then
 */
export async function resetBranch(root: Target, options: ResetBranchOptions): Promise<ResetBranch> {
  const startedAt = performance.now();
  return recorded(
    root,
    'branch-reset',
    options.reporter,
    () =>
      underLock(root, options, async (work) => {
        await removeLeftovers(work);
        const branch = await findBranch(root, options.name);
        const { isolation, name, database } = branch.record;
        if (branch.state === 'damaged' && isolation !== 'cluster') throw damaged(branch);
        const { record, ...state } = await driverOf(isolation).reset(work, branch, {
          reference: options.to,
          sessions: options.sessions ?? 'wait',
          cwd: options.cwd ?? root.cwd,
        });
        const durationMs = Math.round(performance.now() - startedAt);
        return { ok: true as const, name, database, ...state, durationMs };
      }),
    ({ name, to, previous, outageMs }) => ({
      ...{ snapshot: null, rows: null },
      details: { branch: name, to, previous, outageMs },
    }),
  );
}

function damaged({ record, problem }: Awaited<ReturnType<typeof findBranch>>): BelayError {
  return new BelayError('BRANCH_DAMAGED', `branch "${record.name}" cannot be used: ${problem}`, {
    hint: `\`belay branch delete ${JSON.stringify(record.name)}\` removes what is left of it.`,
  });
}
