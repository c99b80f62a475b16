import { type RunOptions, reportStep, silentReporter } from '../../domain/reporter.js';
import { chooseInstallation } from '../../process/choose-installation.js';
import { startCluster } from '../../process/cluster.js';
import { findInstallations } from '../../process/postgres-installation.js';
import {
  firstDatabase,
  type LocalServer,
  type LocalServerPlace,
  localServerPlace,
  localServerUrl,
} from './local-server.js';

export interface StartLocalServerOptions extends LocalServerPlace, RunOptions {
  /** Default: the port used before, else the first free one from 54320 up. */
  readonly port?: number | undefined;
  /** Folder of `postgres` and `initdb`, instead of BELAY_PG_BIN. */
  readonly pgBin?: string | undefined;
  /** Version of a server that is made now; an existing one keeps its own. */
  readonly major?: number | undefined;
}

export interface StartedLocalServer extends LocalServer {
  /** False where it ran already. */
  readonly started: boolean;
}

/**
 * Starts Belay's own PostgreSQL, making it at the first call, and waits until it accepts connections.
 * It goes on after this process. A second call gives the same server.
 *
 * @example
 * const { url } = await startLocalServer();
 * @throws BelayError POSTGRES_NOT_FOUND, PORT_TAKEN, LOCAL_SERVER_FAILED, LOCKED, USAGE
 */
export async function startLocalServer(
  options: StartLocalServerOptions = {},
): Promise<StartedLocalServer> {
  const place = localServerPlace(options);
  const env = { ...(options.env ?? process.env) };
  if (options.pgBin !== undefined) env.BELAY_PG_BIN = options.pgBin;
  const reporter = options.reporter ?? silentReporter;
  const { port, major, signal } = options;
  const cluster = await reportStep(reporter, { name: 'start the local server' }, () =>
    startCluster({
      ...place,
      chooseInstallation: async (dataMajor) =>
        chooseInstallation(await findInstallations(env), { dataMajor, major }),
      port,
      databases: [firstDatabase],
      signal,
    }),
  );
  const { dataDir, version, source, logFile, socketDir, started } = cluster;
  return {
    url: localServerUrl(cluster.port, cluster.password),
    ...{ version, dataDir, running: true, port: cluster.port, source, logFile, socketDir, started },
  };
}
