import { type RunOptions, reportStep, silentReporter } from '../../domain/reporter.js';
import { stopCluster } from '../../process/cluster.js';
import { type LocalServer, type LocalServerPlace, localServerPlace } from './local-server.js';
import { localServerStatus } from './status.js';

export interface StoppedLocalServer extends LocalServer {
  /** False where none ran, or none was ever made. */
  readonly stopped: boolean;
  /** The orderly shutdown took too long, so sessions were cut; the next start recovers. */
  readonly immediate: boolean;
}

/**
 * Stops Belay's own PostgreSQL and keeps its data.
 *
 * @example
 * const { stopped } = await stopLocalServer();
 * @throws BelayError LOCAL_SERVER_FAILED where it does not stop; PERMISSION_DENIED, LOCKED
 */
export async function stopLocalServer(
  options: LocalServerPlace & RunOptions = {},
): Promise<StoppedLocalServer> {
  const { folder } = localServerPlace(options);
  const reporter = options.reporter ?? silentReporter;
  const { stopped, immediate } = await reportStep(reporter, { name: 'stop the local server' }, () =>
    stopCluster(folder),
  );
  return { ...(await localServerStatus(options)), stopped, immediate };
}
