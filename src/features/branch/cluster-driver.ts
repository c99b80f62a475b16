import type { BranchSize } from '../../domain/branch.js';
import { branchClusterPaths } from '../../process/branch-cluster.js';
import { readPointers } from '../../process/branch-cluster-index.js';
import { measureDiskUsage } from '../../process/disk-usage.js';
import { measureServerMemory } from '../../process/process-memory.js';
import type { Target } from '../target/open-target.js';
import { createClusterBranch } from './cluster-create.js';
import { folderOf, homeOf, listClusterBranches, writeBranchFile } from './cluster-found.js';
import { findClusterLeftovers, removeClusterLeftovers } from './cluster-leftovers.js';
import { removeClusterBranch } from './cluster-remove.js';
import { resetClusterBranch } from './cluster-reset.js';
import type { BranchDriver, FoundBranch } from './driver.js';

/**
 * A PostgreSQL process of its own over a copy of the whole data directory that shares its blocks: nobody on the source is
 * disconnected, and what a branch does to roles, settings or its whole server stays in it.
 */
export const clusterBranches: BranchDriver = {
  isolation: 'cluster',
  list: listClusterBranches,
  create: createClusterBranch,
  reset: resetClusterBranch,
  remove: removeClusterBranch,
  writeRecord: (_root, branch, record) => writeBranchFile(folderOf(branch), record),
  size: measureClusterBranch,
  findLeftovers: findClusterLeftovers,
  removeLeftovers: removeClusterLeftovers,
};

async function measureClusterBranch(root: Target, branch: FoundBranch): Promise<BranchSize> {
  const folder = folderOf(branch);
  const { dataDir } = branchClusterPaths(folder);
  const others = (await readPointers(homeOf(root)))
    .map((pointer) => pointer.folder)
    .filter((other) => other !== folder);
  const source = await dataDirectory(root);
  // Data and base share blocks with each other: only whoever knows all others can tell that nobody else does.
  const sharedWith = source === null ? undefined : [source, ...others];
  const [whole, data, memoryBytes] = await Promise.all([
    measureDiskUsage([folder], { sharedWith }),
    measureDiskUsage([dataDir]),
    measureServerMemory(dataDir),
  ]);
  return {
    logicalBytes: data?.allocatedBytes ?? 0,
    ownBytes: whole?.ownBytes ?? null,
    memoryBytes,
  };
}

/** Null where the role may not know it. */
async function dataDirectory({ main }: Target): Promise<string | null> {
  const rows = await main.query<{ directory: string }>(
    `SELECT setting AS directory FROM pg_settings WHERE name = 'data_directory'`,
  );
  return rows[0]?.directory ?? null;
}
