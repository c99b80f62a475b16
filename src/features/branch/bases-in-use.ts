import type { Target } from '../target/open-target.js';
import { findRelatedBranches } from './find-branch.js';

/** Names of the branches that start from a snapshot of a target, by the snapshot's id. */
export async function branchesByBase(target: Target): Promise<ReadonlyMap<string, string[]>> {
  const bases = new Map<string, string[]>();
  for (const { record } of await findRelatedBranches(target)) {
    const { snapshotId } = record.base;
    if (snapshotId === null) continue;
    bases.set(snapshotId, [...(bases.get(snapshotId) ?? []), record.name]);
  }
  return bases;
}
