import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SessionPolicy } from '../../domain/database-session.js';
import {
  branchClusterPaths,
  endProcess,
  lockBranch,
  pathExists,
} from '../../process/branch-cluster.js';
import { asidePaths, removePointer } from '../../process/branch-cluster-index.js';
import { stopCluster } from '../../process/cluster.js';
import { readClusterRecord } from '../../process/cluster-folder.js';
import { stopServer } from '../../process/postgres-server.js';
import { findProcessesIn } from '../../process/postmaster.js';
import type { Work } from '../target/work.js';
import { folderOf, homeOf } from './cluster-found.js';
import { removeEmptyPlace } from './cluster-place.js';
import { clearSessions } from './cluster-sessions.js';
import type { FoundBranch } from './driver.js';

/** Stops a branch's server and removes all of it. Renamed first: a kill leaves something that is no branch any more. */
export async function removeClusterBranch(
  work: Work,
  branch: FoundBranch,
  sessions: SessionPolicy,
): Promise<void> {
  const folder = folderOf(branch);
  const { removing } = asidePaths(folder);
  await clearSessions(work, branch, sessions);
  if (await pathExists(folder)) {
    await lockBranch(folder, async () => {
      await stopCluster(folder);
      await rename(folder, removing);
    });
  }
  await removeBranchFolder(removing);
  await removeEmptyPlace(dirname(folder));
  await removePointer(homeOf(work.target), branch.record.id);
}

/** Ends whatever runs in a folder that is no branch, or not any more, and removes it. */
export async function removeBranchFolder(folder: string): Promise<void> {
  const paths = branchClusterPaths(folder);
  if (!(await pathExists(folder))) return;
  const { dataDir } = paths;
  const stopping = await stopServer(dataDir, undefined, 'immediate').catch((error) => error);
  // Children outlive a postmaster that was killed.
  for (const place of [dataDir, `${dataDir} (deleted)`]) {
    for (const pid of await findProcessesIn(place)) endProcess(pid);
  }
  if (stopping instanceof Error) await stopServer(dataDir, undefined, 'immediate');
  const record = await readClusterRecord(paths);
  // The last process of a server may still write while its folder is being removed.
  const options = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 };
  if (record && !record.socketDir.startsWith(dirname(folder))) await rm(record.socketDir, options);
  await rm(folder, options);
}
