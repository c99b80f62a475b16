import type { Work } from '../target/work.js';
import type { BranchLeftover } from './driver.js';
import { branchDrivers } from './drivers.js';

/** What interrupted runs left of branches of every kind. The target's lock is held. */
export async function findLeftovers(work: Work): Promise<BranchLeftover[]> {
  const found: BranchLeftover[] = [];
  for (const driver of branchDrivers) found.push(...(await driver.findLeftovers(work)));
  return found;
}

/** Removes it, and says so. */
export async function removeLeftovers(work: Work): Promise<BranchLeftover[]> {
  const removed: BranchLeftover[] = [];
  for (const driver of branchDrivers) removed.push(...(await driver.removeLeftovers(work)));
  for (const { name, detail } of removed) {
    work.reporter({ type: 'note', message: `cleaned up "${name}": ${detail}` });
  }
  return removed;
}
