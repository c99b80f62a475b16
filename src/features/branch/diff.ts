import { ensureCounted } from '../snapshot/count-previous.js';
import { compareSides, type DiffResult } from '../snapshot/diff.js';
import { closingSessions, readingClone } from '../snapshot/read-clone.js';
import type { Target } from '../target/open-target.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { readingClusterBase } from './cluster-base.js';
import type { FoundBranch } from './driver.js';
import { findBranch } from './find-branch.js';
import { withBranchTarget } from './open-branch.js';
import { findBaseClone } from './reset-database.js';
import { diffSchemaBranch } from './schema-diff.js';
import { startBranchServer } from './start-server.js';

export interface DiffBranchOptions extends WorkOptions {
  readonly name: string;
  /** Compare rows too, not only their number. */
  readonly data?: boolean | undefined;
  readonly tables?: readonly string[] | undefined;
  readonly sampleLimit?: number | undefined;
  readonly countBudgetMs?: number | undefined;
}

/**
 * What was changed in a branch since its base: schema, exact row counts, and on request rows. The server of a cluster branch is
 * started for it.
 *
 * @example
 * const { schema, rowCounts } = await diffBranch(root, { name: 'invoices' });
 * @throws BelayError BRANCH_NOT_FOUND, SNAPSHOT_NOT_FOUND, BRANCH_DAMAGED, PERMISSION_DENIED, LOCKED
 */
export async function diffBranch(root: Target, options: DiffBranchOptions): Promise<DiffResult> {
  return underLock(root, options, async (work) => {
    const branch = await findBranch(root, options.name);
    switch (branch.record.isolation) {
      case 'cluster':
        return diffCluster(work, branch, options);
      case 'schema':
        return diffSchemaBranch(work, branch, options);
      default:
        return diffDatabase(work, branch, options);
    }
  });
}

async function diffDatabase(
  work: Work,
  branch: FoundBranch,
  options: DiffBranchOptions,
): Promise<DiffResult> {
  const clone = await ensureCounted(work, await findBaseClone(work, branch.record));
  const { id } = clone.record.snapshot;
  const { name } = clone.database;
  const base = { id, tag: branch.record.base.name, database: name, clone };
  return readingClone(work, name, (openA) =>
    readingBranch(work, branch, (openB) =>
      compareSides(work, options, { ...base, openA }, { ...liveSide(branch), openB }),
    ),
  );
}

async function diffCluster(
  work: Work,
  stopped: FoundBranch,
  options: DiffBranchOptions,
): Promise<DiffResult> {
  const { signal, reporter, target } = work;
  const { branch } = await startBranchServer(stopped, { signal, reporter, env: target.env });
  const base = { ...liveSide(branch), tag: branch.record.base.name };
  return readingClusterBase(work, branch, (open) =>
    closingSessions(open, (openA) =>
      readingBranch(work, branch, (openB) =>
        compareSides(work, options, { ...base, openA }, { ...liveSide(branch), openB }),
      ),
    ),
  );
}

type OpenSession = Parameters<Parameters<typeof readingClone>[2]>[0];

function readingBranch<T>(
  { target: root }: Work,
  branch: FoundBranch,
  read: (open: OpenSession) => Promise<T>,
): Promise<T> {
  return withBranchTarget(root, branch, 'branch diff', (target) =>
    closingSessions(() => target.openDatabase(target.database), read),
  );
}

function liveSide({ record }: FoundBranch) {
  return { id: null, tag: null, database: record.database, clone: null };
}
