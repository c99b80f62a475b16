import type { BranchIsolation } from '../../domain/branch.js';
import { databaseBranches } from './database-driver.js';
import type { BranchDriver } from './driver.js';

/** Every way to isolate branches. */
export const branchDrivers: readonly BranchDriver[] = [databaseBranches];

export function driverOf(isolation: BranchIsolation): BranchDriver {
  const driver = branchDrivers.find((one) => one.isolation === isolation);
  if (!driver) throw new Error(`no driver for ${isolation}`);
  return driver;
}
