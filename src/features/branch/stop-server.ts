import { stopBranchCluster } from '../../process/branch-cluster.js';
import { folderOf } from './cluster-found.js';
import type { FoundBranch } from './driver.js';

export interface StoppedBranchServer {
  readonly branch: FoundBranch;
  /** False where it did not run. */
  readonly stopped: boolean;
  /** The fast shutdown took too long: sessions were cut and the next start recovers. */
  readonly immediate: boolean;
}

/**
 * Stops the server of a cluster branch; sessions in it are ended. Its data stays, and the next start or connection through the
 * gateway brings it back.
 *
 * @example
 * await stopBranchServer(await findBranch(root, 'invoices'));
 * @throws BelayError LOCAL_SERVER_FAILED, PERMISSION_DENIED, LOCKED
 */
export async function stopBranchServer(branch: FoundBranch): Promise<StoppedBranchServer> {
  const stop = await stopBranchCluster(folderOf(branch));
  return { branch: stop.stopped ? { ...branch, state: 'stopped' } : branch, ...stop };
}
