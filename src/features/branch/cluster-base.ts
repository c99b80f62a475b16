import { BelayError } from '../../errors.js';
import { Session } from '../../postgres/session.js';
import { branchClusterPaths } from '../../process/branch-cluster.js';
import { readDataDirectoryMajor } from '../../process/data-directory.js';
import { withThrowawayCluster } from '../../process/throwaway-cluster.js';
import type { Work } from '../target/work.js';
import { folderOf, homeOf } from './cluster-found.js';
import { readServerFacts, socketSettings } from './cluster-session.js';
import type { FoundBranch } from './driver.js';

/**
 * Runs a server over a copy of a cluster branch's base for as long as somebody reads it. The base itself is never started: it
 * has to stay what it is.
 * @throws BelayError BRANCH_DAMAGED, and what a throwaway server throws
 */
export async function readingClusterBase<T>(
  { target, signal, reporter }: Work,
  branch: FoundBranch,
  read: (open: () => Promise<Session>) => Promise<T>,
): Promise<T> {
  const folder = folderOf(branch);
  const { baseDir } = branchClusterPaths(folder);
  const major = await readDataDirectoryMajor(baseDir);
  const facts = await readServerFacts(folder);
  if (major === null || !facts) {
    const { name } = branch.record;
    throw new BelayError('BRANCH_DAMAGED', `the base of branch "${name}" is gone: ${baseDir}`, {
      hint: 'There is nothing to compare it with. Make the branch again to have one.',
    });
  }
  const order = { home: homeOf(target), major, env: target.env, copyOf: baseDir, signal, reporter };
  return withThrowawayCluster(order, (server) => {
    const settings = socketSettings(server.socketDir, server.port, facts);
    const { database } = branch.record;
    return read(() => Session.open(settings, { database, applicationName: 'belay branch diff' }));
  });
}
