import { access, constants, lstat, readFile, rename } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterConnection } from '../domain/current-branch.js';
import { BelayError } from '../errors.js';
import { readPointers } from './branch-cluster-index.js';
import { chooseInstallation } from './choose-installation.js';
import { type RunningCluster, readClusterState, startCluster, stopCluster } from './cluster.js';
import {
  type ClusterPaths,
  type ClusterRecord,
  clusterPaths,
  readClusterRecord,
  replaceFile,
  writeClusterRecord,
} from './cluster-folder.js';
import { readDataDirectoryMajor } from './data-directory.js';
import { withFolderLock } from './folder-lock.js';
import { isPortFree } from './free-port.js';
import type { PostgresInstallation } from './installation.js';
import { findInstallations } from './postgres-installation.js';
import type { ServerStop } from './postgres-server.js';
import { findProcessesIn, readPostmasterState } from './postmaster.js';

/** The folder of a branch with a server of its own. */
export interface BranchClusterPaths extends ClusterPaths {
  /** What the branch is; written last, and whole. */
  readonly branchFile: string;
  /** How to reach it, with the password. */
  readonly connectionFile: string;
  /** A data directory of a stopped server: the state that a reset goes back to. */
  readonly baseDir: string;
  /** Of a reset: the data to be, and the data that was. */
  readonly newDataDir: string;
  readonly oldDataDir: string;
  /** When the server was last seen in use. */
  readonly idleFile: string;
  /** Held by whoever starts, stops or exchanges. */
  readonly branchLockFile: string;
}

/** Not Belay's local server's, which begin at 54320, so that neither takes a stopped one's. */
const firstPort = 54_420;
const portsTried = 2_000;

export function branchClusterPaths(folder: string): BranchClusterPaths {
  return {
    ...clusterPaths(folder),
    branchFile: join(folder, 'branch.json'),
    connectionFile: join(folder, 'connection.json'),
    baseDir: join(folder, 'base'),
    newDataDir: join(folder, 'data.next'),
    oldDataDir: join(folder, 'data.before'),
    idleFile: join(folder, 'idle.json'),
    branchLockFile: join(folder, 'branch.lock'),
  };
}

/** @returns null where it is missing or cannot be read as one */
export async function readConnection(folder: string): Promise<ClusterConnection | null> {
  try {
    const { connectionFile } = branchClusterPaths(folder);
    const found = JSON.parse(await readFile(connectionFile, 'utf8'));
    const isWhole =
      Number.isInteger(found.port) &&
      ['host', 'user', 'password', 'database'].every((name) => typeof found[name] === 'string');
    return isWhole ? (found as ClusterConnection) : null;
  } catch {
    return null;
  }
}

export async function writeConnection(folder: string, connection: ClusterConnection) {
  const { connectionFile, passwordFile } = branchClusterPaths(folder);
  await replaceFile(connectionFile, `${JSON.stringify(connection, null, 2)}\n`);
  // Where a server of Belay's own has it.
  await replaceFile(passwordFile, connection.password);
}

export async function pathExists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** A free port that no other branch has, also none that is stopped: its URL must stay the same. */
export async function chooseBranchPort(home: string): Promise<number> {
  const taken = new Set<number>();
  for (const { folder } of await readPointers(home)) {
    const record = await readClusterRecord(clusterPaths(folder));
    const making = await readClusterRecord(clusterPaths(`${folder}.new`));
    for (const { port } of [record, making].filter((one) => one !== null)) taken.add(port);
  }
  for (let port = firstPort; port < firstPort + portsTried; port += 1) {
    if (!taken.has(port) && (await isPortFree(port))) return port;
  }
  const last = firstPort + portsTried - 1;
  throw new BelayError('PORT_TAKEN', `ports ${firstPort} to ${last} are all in use`, {
    hint: 'Delete branches that nobody needs: `belay branch gc`.',
  });
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Whether the programs that last ran a branch are still there. */
export function hasPrograms({ binDir }: ClusterRecord): Promise<boolean> {
  return isExecutable(join(binDir, process.platform === 'win32' ? 'postgres.exe' : 'postgres'));
}

/**
 * The programs for a data directory: those that ran it last, which need not be asked for their version again, else others
 * of that version.
 * @throws BelayError POSTGRES_NOT_FOUND
 */
async function chooseFor(
  record: ClusterRecord | null,
  dataMajor: number | null,
  env: NodeJS.ProcessEnv,
): Promise<PostgresInstallation> {
  if (record && dataMajor !== null && (await hasPrograms(record))) {
    const { source, binDir, version } = record;
    return { source, binDir, version, major: dataMajor, hasClientTools: false };
  }
  return chooseInstallation(await findInstallations(env), { dataMajor });
}

export interface BranchClusterStart {
  readonly folder: string;
  /** Belay's data folder. */
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

export interface StartedBranchCluster extends RunningCluster {
  readonly connection: ClusterConnection;
  /** The port that it had, where it has another one now; else null. */
  readonly portBefore: number | null;
}

/**
 * Starts a branch's server, if it does not run. A reset that was killed between its two renames is undone first; where the
 * port is taken, the server gets another one and `connection.json` says so.
 *
 * @throws BelayError BRANCH_DAMAGED, LOCAL_SERVER_FAILED, POSTGRES_NOT_FOUND, PORT_TAKEN, LOCKED, INTERRUPTED
 */
export async function startBranchCluster(order: BranchClusterStart) {
  return lockBranch(order.folder, () => startLockedBranch(order), order.signal);
}

/** Does work while nobody else starts, stops or exchanges a branch's server. */
export async function lockBranch<T>(
  folder: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const { branchLockFile } = branchClusterPaths(folder);
  if (!(await pathExists(folder))) throw folderGone(folder);
  try {
    return await withFolderLock(branchLockFile, work, { signal });
  } catch (error) {
    // Removed by somebody else while this waited for the lock in it.
    const isGone =
      (error as NodeJS.ErrnoException).code === 'ENOENT' && !(await pathExists(folder));
    throw isGone ? folderGone(folder) : error;
  }
}

function folderGone(folder: string): BelayError {
  return new BelayError('BRANCH_DAMAGED', `the branch's folder ${folder} is gone`, {
    hint: 'Somebody has removed it; `belay repair` forgets what is left of it.',
  });
}

/** The same, by whoever holds the branch's lock. */
export async function startLockedBranch(order: BranchClusterStart): Promise<StartedBranchCluster> {
  const { folder, home, env, signal } = order;
  const paths = branchClusterPaths(folder);
  await undoHalfExchange(paths);
  const dataMajor = await readDataDirectoryMajor(paths.dataDir);
  if (dataMajor === null) throw dataGone(paths);
  const record = await readClusterRecord(paths);
  const connection = await readConnection(folder);
  if (!connection) throw connectionGone(paths);
  const { running } = await readPostmasterState(paths.dataDir);
  if (!running) {
    await endLostServer(paths.dataDir);
    await settlePort(paths, record, connection.port, home);
  }
  const cluster = await startCluster({
    ...{ folder, home, signal },
    chooseInstallation: (major) => chooseFor(record, major, env),
  });
  const now = { ...connection, port: cluster.port };
  if (now.port !== connection.port) await writeConnection(folder, now);
  const portBefore = now.port === connection.port ? null : connection.port;
  return { ...cluster, connection: now, portBefore };
}

function dataGone({ dataDir }: BranchClusterPaths): BelayError {
  return new BelayError('BRANCH_DAMAGED', `the branch's data directory ${dataDir} is gone`, {
    hint: '`belay branch reset` brings its base back, `belay branch delete` removes what is left.',
  });
}

function connectionGone({ connectionFile }: BranchClusterPaths): BelayError {
  return new BelayError('BRANCH_DAMAGED', `cannot read ${connectionFile}`, {
    hint: 'It holds the password of the branch. `belay branch delete` removes what is left.',
  });
}

/** The old data is the branch's as long as the new has not taken its place. */
async function undoHalfExchange(paths: BranchClusterPaths): Promise<void> {
  if (await pathExists(paths.dataDir)) return;
  if (await pathExists(paths.oldDataDir)) await rename(paths.oldDataDir, paths.dataDir);
}

/** How long processes that were killed may take to be gone. */
const lostPatienceMs = 3_000;

/** A server whose data directory was removed under it serves nothing, but holds its port for up to a minute. */
async function endLostServer(dataDir: string): Promise<void> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < lostPatienceMs) {
    const pids = await findProcessesIn(`${dataDir} (deleted)`);
    if (pids.length === 0) return;
    for (const pid of pids) endProcess(pid);
    await sleep(20);
  }
}

export function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone by itself meanwhile, or of a user who has to look after it.
  }
}

/** Names the port to start on: the one in the URL if it is free, else one of the branches' own. */
async function settlePort(
  paths: BranchClusterPaths,
  record: ClusterRecord | null,
  wanted: number,
  home: string,
): Promise<void> {
  if (!record) return;
  const port = (await isPortFree(wanted)) ? wanted : await chooseBranchPort(home);
  if (port !== record.port) await writeClusterRecord(paths, { ...record, port });
}

/** Stops a branch's server. @returns `stopped` is false where none ran */
export async function stopBranchCluster(folder: string): Promise<ServerStop> {
  if (!(await pathExists(folder))) return { stopped: false, immediate: false };
  return lockBranch(folder, () => stopCluster(folder));
}

/** The port of a branch's server that runs; null: it does not. */
export async function runningPort(folder: string): Promise<number | null> {
  const state = await readClusterState(folder);
  return state.running ? state.port : null;
}

/** Who runs this process, as the system calls them. */
export function ownUserName(): string {
  try {
    return userInfo().username;
  } catch {
    // A number without a name, as in some containers.
    return '';
  }
}
