import type { BranchIsolation } from '../../domain/branch.js';
import { clusterBranches } from './cluster-driver.js';
import { databaseBranches } from './database-driver.js';
import type { BranchDriver } from './driver.js';
import { schemaBranches } from './schema-driver.js';

/** Every way to isolate branches. */
export const branchDrivers: readonly BranchDriver[] = [
  databaseBranches,
  schemaBranches,
  clusterBranches,
];

export function driverOf(isolation: BranchIsolation): BranchDriver {
  const driver = branchDrivers.find((one) => one.isolation === isolation);
  if (!driver) throw new Error(`no driver for ${isolation}`);
  return driver;
}
