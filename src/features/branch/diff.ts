import { ensureCounted } from '../snapshot/count-previous.js';
import { compareSides, type DiffResult } from '../snapshot/diff.js';
import { closingSessions, readingClone } from '../snapshot/read-clone.js';
import type { Target } from '../target/open-target.js';
import { underLock, type WorkOptions } from '../target/work.js';
import type { FoundBranch } from './driver.js';
import { findBranch } from './find-branch.js';
import { withBranchTarget } from './open-branch.js';
import { findBaseClone } from './reset-database.js';

export interface DiffBranchOptions extends WorkOptions {
  readonly name: string;
  /** Compare rows too, not only their number. */
  readonly data?: boolean | undefined;
  readonly tables?: readonly string[] | undefined;
  readonly sampleLimit?: number | undefined;
  readonly countBudgetMs?: number | undefined;
}

/**
 * What was changed in a branch since its base: schema, exact row counts, and on request rows.
 *
 * @example
 * const { schema, rowCounts } = await diffBranch(root, { name: 'invoices' });
 * @throws BelayError BRANCH_NOT_FOUND, SNAPSHOT_NOT_FOUND, PERMISSION_DENIED, LOCKED
 */
export async function diffBranch(root: Target, options: DiffBranchOptions): Promise<DiffResult> {
  return underLock(root, options, async (work) => {
    const branch = await findBranch(root, options.name);
    const clone = await ensureCounted(work, await findBaseClone(work, branch.record));
    const { id } = clone.record.snapshot;
    const base = { id, tag: branch.record.base.name, database: clone.database.name, clone };
    return withBranchTarget(root, branch, 'branch diff', (target) =>
      readingClone(work, clone.database.name, (openA) =>
        closingSessions(
          () => target.openDatabase(target.database),
          (openB) => compareSides(work, options, { ...base, openA }, { ...live(branch), openB }),
        ),
      ),
    );
  });
}

function live({ record }: FoundBranch) {
  return { id: null, tag: null, database: record.database, clone: null };
}
