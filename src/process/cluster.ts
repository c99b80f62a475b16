import { BelayError } from '../errors.js';
import {
  type ClusterPaths,
  type ClusterRecord,
  clusterPaths,
  makePassword,
  prepareFolder,
  prepareLog,
  prepareSocketDir,
  readClusterRecord,
  readPassword,
  writeClusterRecord,
} from './cluster-folder.js';
import {
  createDataDirectory,
  readDataDirectoryMajor,
  removeHalfMadeDataDirectories,
} from './data-directory.js';
import { withFolderLock } from './folder-lock.js';
import { choosePort, isPortFree } from './free-port.js';
import type { InstallationSource, PostgresInstallation } from './installation.js';
import { type ServerStop, startServer, stopServer, waitUntilReady } from './postgres-server.js';
import { readPostmasterState } from './postmaster.js';
import { findServerUser, type ServerUser } from './server-user.js';
import { prepareShipped } from './shipped-postgres.js';

export interface ClusterOptions {
  /** Everything of the cluster is below it. */
  readonly folder: string;
  /** Belay's data folder, for a copy of the server from npm where its package is out of reach. */
  readonly home: string;
  /** Picks the server; asked only when one has to be started. */
  readonly chooseInstallation: (dataMajor: number | null) => Promise<PostgresInstallation>;
  /** Must be free. Undefined: the port used before, else the first free one from 54320 up. */
  readonly port?: number | undefined;
  readonly databases?: readonly string[] | undefined;
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** False only for servers that nobody will miss. */
  readonly durable?: boolean | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RunningCluster {
  readonly pid: number;
  readonly port: number;
  readonly dataDir: string;
  readonly socketDir: string;
  readonly logFile: string;
  /** Of the superuser `postgres`: a secret. */
  readonly password: string;
  readonly version: string;
  readonly source: InstallationSource;
  /** False where it ran already. */
  readonly started: boolean;
}

export interface ClusterState {
  readonly running: boolean;
  /** A data directory is there, whether or not it is served. */
  readonly exists: boolean;
  readonly paths: ClusterPaths;
  readonly record: ClusterRecord | null;
  readonly pid: number | null;
  readonly port: number | null;
}

/** Times to try again where another program takes the port between the look and the start. */
const portRetries = 3;

/** Looks at a cluster without changing anything. A folder that was never made has none. */
export async function readClusterState(folder: string): Promise<ClusterState> {
  const paths = clusterPaths(folder);
  const { running, file } = await readPostmasterState(paths.dataDir);
  const record = await readClusterRecord(paths);
  return {
    running,
    exists: (await readDataDirectoryMajor(paths.dataDir)) !== null,
    paths,
    record,
    pid: running ? (file?.pid ?? null) : null,
    port: running ? (file?.port ?? record?.port ?? null) : null,
  };
}

/**
 * Starts a cluster, making it first where there is none. Of two that do this at once, one starts it
 * and the other waits and gets the same. The server outlives this process.
 *
 * @throws BelayError LOCAL_SERVER_FAILED, PORT_TAKEN, POSTGRES_NOT_FOUND, LOCKED, INTERRUPTED
 */
export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const paths = clusterPaths(options.folder);
  const user = await findServerUser();
  await prepareFolder(paths, user);
  const lock = { signal: options.signal };
  return withFolderLock(paths.lockFile, () => startLocked(options, paths, user), lock);
}

async function startLocked(
  options: ClusterOptions,
  paths: ClusterPaths,
  user: ServerUser,
): Promise<RunningCluster> {
  const state = await readClusterState(paths.folder);
  if (state.running) return joinRunning(options, state);
  await removeHalfMadeDataDirectories(paths.dataDir);
  const dataMajor = await readDataDirectoryMajor(paths.dataDir);
  const chosen = await options.chooseInstallation(dataMajor);
  const installation =
    chosen.source === 'npm' ? await prepareShipped(chosen, options.home, user) : chosen;
  await prepareLog(paths, user);
  if (dataMajor === null) await createData(options, paths, user, installation);
  const password = await readPassword(paths);
  const record = await startOnPort(options, paths, user, installation, state.record);
  const { pid } = record;
  return describe(paths, record.record, { pid, port: record.record.port, password, started: true });
}

/** One that runs, or that is just starting or recovering. */
async function joinRunning(options: ClusterOptions, state: ClusterState): Promise<RunningCluster> {
  const { paths, record } = state;
  const { dataDir, logFile } = paths;
  const { timeoutMs, signal } = options;
  const file = await waitUntilReady({ dataDir, logFile, timeoutMs, signal }, 0);
  if (options.port !== undefined && options.port !== file.port) {
    throw new BelayError('USAGE', `the server runs already, on port ${file.port}`, {
      hint: 'Stop it first to start it on another port.',
    });
  }
  if (!record || file.port === null) {
    throw new BelayError('LOCAL_SERVER_FAILED', `${paths.recordFile} is missing`, {
      hint: 'Stop the server and start it again.',
    });
  }
  const password = await readPassword(paths);
  return describe(paths, record, { pid: file.pid, port: file.port, password, started: false });
}

function describe(
  { dataDir, logFile }: ClusterPaths,
  { socketDir, version, source }: ClusterRecord,
  rest: Pick<RunningCluster, 'pid' | 'port' | 'password' | 'started'>,
): RunningCluster {
  return { dataDir, logFile, socketDir, version, source, ...rest };
}

async function createData(
  options: ClusterOptions,
  paths: ClusterPaths,
  user: ServerUser,
  installation: PostgresInstallation,
): Promise<void> {
  // Before the data: a kill in between leaves a password that the next run replaces.
  const password = await makePassword(paths);
  await createDataDirectory({
    installation,
    dataDir: paths.dataDir,
    user,
    password,
    databases: options.databases ?? [],
    durable: options.durable ?? true,
    signal: options.signal,
  });
}

async function startOnPort(
  options: ClusterOptions,
  paths: ClusterPaths,
  user: ServerUser,
  installation: PostgresInstallation,
  before: ClusterRecord | null,
): Promise<{ pid: number; record: ClusterRecord }> {
  const socketDir = await prepareSocketDir(paths, user, before?.socketDir);
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort(options.port, before?.port);
    const { version, source, binDir } = installation;
    const record = { port, socketDir, version, source, binDir };
    // Before the start: a kill in between must not leave a server whose record is missing.
    await writeClusterRecord(paths, record);
    try {
      const { dataDir, logFile } = paths;
      const { settings, timeoutMs, signal } = options;
      const file = await startServer({
        ...{ installation, dataDir, socketDir, logFile, port, user },
        ...{ settings, timeoutMs, signal },
      });
      return { pid: file.pid, record };
    } catch (error) {
      const isTaken = !(await isPortFree(port)) && options.port === undefined;
      const runs = (await readPostmasterState(paths.dataDir)).running;
      if (!isTaken || runs || attempt > portRetries) throw error;
    }
  }
}

/**
 * Stops a cluster's server and keeps its data. Where none runs, or none was ever made, it does
 * nothing.
 *
 * @throws BelayError LOCAL_SERVER_FAILED, PERMISSION_DENIED, LOCKED
 */
export async function stopCluster(folder: string): Promise<ServerStop> {
  const state = await readClusterState(folder);
  // Without a folder there is nothing to lock, and stop must not make one.
  if (!state.exists) return { stopped: false, immediate: false };
  const { lockFile, dataDir } = state.paths;
  return withFolderLock(lockFile, () => stopServer(dataDir, state.record?.binDir));
}
