import type { Inventory, InventoryBranch } from '../../contract/inventory.js';
import { isBranchProtected } from '../../domain/branch.js';
import { BelayError } from '../../errors.js';
import { type ListedBranch, listBranches } from '../../features/branch/list.js';
import { readVersionGraph } from '../../features/history/list-versions.js';
import type { Target } from '../../features/target/open-target.js';

/** All branches of the target, oldest first. */
export async function readBranches(target: Target): Promise<readonly InventoryBranch[]> {
  const { branches } = await listBranches(target);
  return branches.map(toInventory);
}

function toInventory(branch: ListedBranch): InventoryBranch {
  const { name, database, url, isolation, state, createdAt, expiresAt, basedOn } = branch;
  return {
    ...{ name, database, url, isolation, state, createdAt, expiresAt },
    basedOn: basedOn.kind === 'live' ? null : basedOn.tag,
    isProtected: isBranchProtected(branch, new Date()),
    gitBranch: branch.git?.branch ?? null,
    sizeBytes: branch.size?.ownBytes ?? branch.size?.logicalBytes ?? null,
  };
}

/** The version graph; empty where nobody keeps a history, or the database is not there. */
export async function readVersions(target: Target): Promise<Inventory['versions']> {
  try {
    return (await readVersionGraph(target)).versions;
  } catch (error) {
    const isNone =
      error instanceof BelayError && ['NO_HISTORY', 'TARGET_NOT_FOUND'].includes(error.code);
    if (isNone) return [];
    throw error;
  }
}
