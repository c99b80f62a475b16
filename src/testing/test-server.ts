import { resolveTarget } from '../config/resolve-target.js';
import { readVariables } from '../config/variables.js';
import { BelayError } from '../errors.js';
import { localServerPlace } from '../features/local/local-server.js';
import type { ConnectionSettings } from '../postgres/settings.js';
import { describeServer, isLocalServer } from '../postgres/settings.js';
import { chooseInstallation } from '../process/choose-installation.js';
import { findInstallations } from '../process/postgres-installation.js';
import { type ThrowawayServer, withThrowawayCluster } from '../process/throwaway-cluster.js';
import type { TestDatabasesOptions } from './options.js';

/** The server on which test databases are made. */
export interface TestServer {
  readonly settings: ConnectionSettings;
  /** From which Belay works; undefined: "postgres", else the URL's own. */
  readonly maintenanceDatabase: string | undefined;
  /** Belay's own, which ends with {@link stop}. */
  readonly isOwn: boolean;
  stop(): Promise<void>;
}

/** Where the process that set up a run tells those that it starts about the run's own server. */
export const ownServerVariable = 'BELAY_TEST_OWN_SERVER';

/**
 * Finds the server for test databases: the URL that is given, else BELAY_TEST_URL, else DATABASE_URL, else one of
 * Belay's own. Nothing that is there is touched, yet a production server is not the place for tests.
 * @throws BelayError PRODUCTION_GUARD, BAD_URL, POSTGRES_NOT_FOUND, LOCAL_SERVER_FAILED
 */
export async function findTestServer(options: TestDatabasesOptions): Promise<TestServer> {
  const { cwd = process.cwd(), env = process.env } = options;
  if (options.server !== 'own') {
    const lookup = await readVariables(cwd, env);
    const named = lookup('BELAY_TEST_URL')?.value;
    const url = options.url ?? named ?? lookup('DATABASE_URL')?.value;
    const isForTests = options.url === undefined && named !== undefined;
    if (url !== undefined) return useServer(url, isForTests, options);
  }
  const running = env[ownServerVariable];
  if (running) return { ...(await useServer(running, true, options)), isOwn: true };
  return startOwnServer(options);
}

async function useServer(
  url: string,
  isForTests: boolean,
  { cwd, env, allowServer }: TestDatabasesOptions,
): Promise<TestServer> {
  const { settings, environment, maintenanceDatabase } = await resolveTarget({ url, cwd, env });
  const isNamed = settings.hosts.every(({ host }) => host === allowServer);
  const isHarmless =
    environment === 'development' ||
    (environment === undefined && (isLocalServer(settings) || isForTests || isNamed));
  if (!isHarmless) throw guardError(settings, environment);
  return { settings, maintenanceDatabase, isOwn: false, stop: async () => {} };
}

function guardError(settings: ConnectionSettings, environment: string | undefined): BelayError {
  const server = describeServer(settings);
  const why =
    environment === 'production'
      ? 'the configuration marks it as production'
      : 'it is not this machine and no configuration marks it as development';
  return new BelayError('PRODUCTION_GUARD', `refused to make test databases on ${server}: ${why}`, {
    hint:
      environment === 'production'
        ? 'Set BELAY_TEST_URL to another server, or use server: "own".'
        : `Set BELAY_TEST_URL for tests, or allowServer: ${JSON.stringify(settings.hosts[0]?.host)}, or use server: "own".`,
  });
}

/** Workers of a test run, each with its own pools; memory is taken only by those that are there. */
const ownSettings = { max_connections: '300', max_locks_per_transaction: '128' };

async function startOwnServer(options: TestDatabasesOptions): Promise<TestServer> {
  const { env = process.env } = options;
  const { home } = localServerPlace({ env });
  const { major } = chooseInstallation(await findInstallations(env), {
    dataMajor: null,
    major: options.major,
  });
  let stop = () => {};
  let ended: Promise<void> = Promise.resolve();
  const server = await new Promise<ThrowawayServer>((resolve, reject) => {
    const order = { home, major, env, settings: ownSettings, isOnTcp: true };
    ended = withThrowawayCluster({ ...order, reporter: options.reporter }, (running) => {
      resolve(running);
      return new Promise<void>((stopped) => {
        stop = stopped;
      });
    });
    ended.catch(reject);
  });
  // Whoever ends without closing leaves no server running; its folder is removed by the next run.
  const kill = () => server.kill();
  process.once('exit', kill);
  const { host, port, user, password } = server;
  const url = `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/postgres`;
  return {
    ...{ ...(await useServer(url, true, options)), isOwn: true },
    stop: async () => {
      process.off('exit', kill);
      stop();
      await ended;
    },
  };
}
