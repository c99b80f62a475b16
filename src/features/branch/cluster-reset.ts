import { rename, rm } from 'node:fs/promises';
import type { BranchRecord } from '../../domain/branch.js';
import { reportStep } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import {
  type BranchClusterPaths,
  branchClusterPaths,
  lockBranch,
  pathExists,
  startLockedBranch,
} from '../../process/branch-cluster.js';
import { stopCluster } from '../../process/cluster.js';
import { copyTree } from '../../process/copy-tree.js';
import { readDataDirectoryMajor } from '../../process/data-directory.js';
import { findServerUser } from '../../process/server-user.js';
import { syncTree } from '../../process/sync-tree.js';
import { restoreSnapshot } from '../snapshot/restore.js';
import { throwIfAborted, type Work } from '../target/work.js';
import { folderOf, homeOf, writeBranchFile } from './cluster-found.js';
import { clearSessions } from './cluster-sessions.js';
import type { BranchResetState, FoundBranch, ResetOrder } from './driver.js';
import { withBranchTarget } from './open-branch.js';
import { startBranchServer } from './start-server.js';

/** Puts a branch back: its whole server to the base, or its database to a snapshot that its server has. */
export async function resetClusterBranch(
  work: Work,
  branch: FoundBranch,
  order: ResetOrder,
): Promise<BranchResetState> {
  return order.reference === undefined
    ? resetToBase(work, branch, order)
    : resetToSnapshot(work, branch, order, order.reference);
}

async function resetToSnapshot(
  work: Work,
  branch: FoundBranch,
  { sessions, cwd }: ResetOrder,
  reference: string,
): Promise<BranchResetState> {
  const { target, signal, reporter } = work;
  const { branch: started } = await startBranchServer(branch, {
    signal,
    reporter,
    env: target.env,
  });
  const restored = await withBranchTarget(target, started, 'branch reset', (own) =>
    restoreSnapshot(own, { reference, sessions, cwd, signal, reporter }),
  );
  const { outageMs, previous, snapshot } = restored;
  const record = await recordReset(branch);
  return { to: snapshot.tag, outageMs, previous: previous?.tag ?? null, record };
}

async function recordReset(branch: FoundBranch): Promise<BranchRecord> {
  const record = { ...branch.record, resetAt: new Date().toISOString() };
  await writeBranchFile(folderOf(branch), record);
  return record;
}

async function resetToBase(
  work: Work,
  branch: FoundBranch,
  { sessions }: ResetOrder,
): Promise<BranchResetState> {
  const folder = folderOf(branch);
  const paths = branchClusterPaths(folder);
  const { name, base } = branch.record;
  if ((await readDataDirectoryMajor(paths.baseDir)) === null) {
    throw new BelayError(
      'BRANCH_DAMAGED',
      `the base of branch "${name}" is gone: ${paths.baseDir}`,
      {
        hint: 'Delete the branch and make it again.',
      },
    );
  }
  await copyBase(work, paths);
  try {
    await clearSessions(work, branch, sessions);
    throwIfAborted(work.signal);
    const outageMs = await exchange(work, folder, paths);
    const record = await recordReset(branch);
    return { to: base.name, outageMs, previous: null, record };
  } finally {
    // After a failure: what was to be the data. After a success: what was.
    await rm(paths.newDataDir, { recursive: true, force: true });
    if (await pathExists(paths.dataDir)) {
      await rm(paths.oldDataDir, { recursive: true, force: true });
    }
  }
}

async function copyBase({ signal, reporter }: Work, paths: BranchClusterPaths): Promise<void> {
  const { baseDir, newDataDir } = paths;
  await rm(newDataDir, { recursive: true, force: true });
  const user = await findServerUser();
  try {
    await reportStep(reporter, { name: 'copy the base' }, async () => {
      await copyTree({ from: baseDir, to: newDataDir, user, signal });
      await syncTree(newDataDir);
    });
  } catch (error) {
    await rm(newDataDir, { recursive: true, force: true });
    throw error;
  }
}

/** Stops the server, puts the new data in the place of the old, and starts. @returns how long nobody could connect */
async function exchange(work: Work, folder: string, paths: BranchClusterPaths): Promise<number> {
  const { target, reporter } = work;
  // No signal: once the server is stopped the shortest way to one that runs is forward.
  const start = { folder, home: homeOf(target), env: target.env };
  const { dataDir, newDataDir, oldDataDir } = paths;
  return lockBranch(folder, () =>
    reportStep(reporter, { name: 'exchange the data' }, async () => {
      const startedAt = performance.now();
      await stopCluster(folder);
      const hadData = await pathExists(dataDir);
      // Of an earlier one that was killed; the data itself is there.
      if (hadData) await rm(oldDataDir, { recursive: true, force: true });
      if (hadData) await rename(dataDir, oldDataDir);
      await rename(newDataDir, dataDir);
      try {
        const { portBefore, port } = await startLockedBranch(start);
        if (portBefore !== null) {
          const message = `port ${portBefore} was taken: the branch is on port ${port} now`;
          reporter({ type: 'warning', message });
        }
      } catch (error) {
        await stopCluster(folder).catch(() => {});
        await rename(dataDir, newDataDir);
        if (await pathExists(oldDataDir)) {
          await rename(oldDataDir, dataDir);
          await startLockedBranch(start).catch(() => {});
        }
        throw error;
      }
      return performance.now() - startedAt;
    }),
  );
}
