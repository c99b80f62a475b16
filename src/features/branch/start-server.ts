import { rm } from 'node:fs/promises';
import { type RunOptions, reportStep, silentReporter } from '../../domain/reporter.js';
import { branchClusterPaths, startBranchCluster } from '../../process/branch-cluster.js';
import { localServerPlace } from '../local/local-server.js';
import { folderOf } from './cluster-found.js';
import { branchSettings } from './cluster-session.js';
import type { FoundBranch } from './driver.js';

export interface StartBranchServerOptions extends RunOptions {
  /** Where PostgreSQL and Belay's data folder are looked for; default: the process's own. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface StartedBranchServer {
  /** As it is now; its port may be another one. */
  readonly branch: FoundBranch;
  /** False where it ran already. */
  readonly started: boolean;
  /** The port that it had, where another program has taken that; else null. */
  readonly portBefore: number | null;
}

/**
 * Starts the server of a cluster branch, and waits until it accepts connections. Of two that do this at once, one starts it and
 * both get it. One whose processes were killed recovers.
 *
 * @example
 * const { branch } = await startBranchServer(await findBranch(root, 'invoices'));
 * @throws BelayError BRANCH_DAMAGED, LOCAL_SERVER_FAILED, POSTGRES_NOT_FOUND, PORT_TAKEN, LOCKED, INTERRUPTED
 */
export async function startBranchServer(
  branch: FoundBranch,
  options: StartBranchServerOptions = {},
): Promise<StartedBranchServer> {
  const { signal, reporter = silentReporter, env = process.env } = options;
  const folder = folderOf(branch);
  const { home } = localServerPlace({ env });
  const step = { name: 'start the branch’s server', detail: branch.record.name };
  const cluster = await reportStep(reporter, step, () =>
    startBranchCluster({ folder, home, env, signal }),
  );
  const { started, portBefore, connection } = cluster;
  if (portBefore !== null) {
    const message = `port ${portBefore} was taken: the branch is on port ${connection.port} now, and its URL has changed`;
    reporter({ type: 'warning', message });
  }
  // How long nobody has used it counts from now.
  if (started) await rm(branchClusterPaths(folder).idleFile, { force: true });
  const settings = branchSettings(connection, branch.settings.options);
  return { branch: { ...branch, state: 'ready', problem: null, settings }, started, portBefore };
}
