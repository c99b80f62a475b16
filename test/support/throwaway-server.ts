import { chmod, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningCluster, startCluster, stopCluster } from '../../src/process/cluster.js';
import { clusterPaths, removeClusterFolder } from '../../src/process/cluster-folder.js';
import { anyFreePort } from '../../src/process/free-port.js';
import type { PostgresInstallation } from '../../src/process/installation.js';
import { findInstallations } from '../../src/process/postgres-installation.js';
import { isAlive, readPostmasterState } from '../../src/process/postmaster.js';
import { tellWatchdog } from './watchdog.js';

/** A server that a test run started, as plain data. */
export interface TestServer {
  /** e.g. "PostgreSQL 15". */
  readonly name: string;
  readonly major: number;
  /** Superuser, database `postgres`. */
  readonly adminUrl: string;
  readonly dataDir: string;
  readonly socketDir: string;
  readonly port: number;
  readonly password: string;
  /** Of the server's programs. */
  readonly binDir: string;
  readonly logFile: string;
}

export interface ThrowawayServer extends TestServer {
  /** A fast shutdown; the data stays until `remove`. */
  stop(): Promise<void>;
  /** kill -9 of the postmaster, and waits until it is gone. Its children end by themselves. */
  kill9(): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Stops it and removes everything. */
  remove(): Promise<void>;
}

export interface ThrowawayOptions {
  readonly major: number;
  /** Folder to make the server's folder in, e.g. on another file system; default the temp folder. */
  readonly parentDir?: string;
  readonly settings?: Readonly<Record<string, string>>;
}

const folderPrefix = 'belay-test-';
const testSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '64MB',
  max_connections: '200',
  max_prepared_transactions: '10',
  wal_level: 'logical',
};

/** A new folder that other users may enter, so that the server's user can. Watched. */
export async function makeServerFolder(parentDir = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(parentDir, `${folderPrefix}${process.pid}-`));
  await chmod(folder, 0o755);
  tellWatchdog(folder);
  return folder;
}

/** Hands folders of runs that are gone, e.g. by a reboot, to this run's watchdog. */
export async function adoptStaleFolders(): Promise<void> {
  const names = await readdir(tmpdir());
  for (const name of names) {
    const match = new RegExp(`^${folderPrefix}(\\d+)-`).exec(name);
    if (match && !isAlive(Number(match[1]))) tellWatchdog(join(tmpdir(), name));
  }
}

/** Where tests find PostgreSQL: 18 from npm, everything else as installed on this machine. */
export async function findTestInstallation(
  accepts: (installation: PostgresInstallation) => boolean,
): Promise<PostgresInstallation | undefined> {
  return (await findInstallations(process.env)).find(accepts);
}

/**
 * Starts a server of a test's own. It ends with the test run, if `remove` was not called before.
 */
export async function startThrowawayServer(options: ThrowawayOptions): Promise<ThrowawayServer> {
  const installation = await findTestInstallation(({ major }) => major === options.major);
  if (!installation) throw new Error(`PostgreSQL ${options.major} is not on this machine`);
  return startServerOf(installation, options);
}

/** The same, for an installation that was chosen before. */
export async function startServerOf(
  installation: PostgresInstallation,
  options: Omit<ThrowawayOptions, 'major'> = {},
): Promise<ThrowawayServer> {
  const folder = await makeServerFolder(options.parentDir);
  const run = async (port?: number) =>
    startCluster({
      folder,
      home: folder,
      chooseInstallation: async () => installation,
      port: port ?? (await anyFreePort()),
      settings: { ...testSettings, ...options.settings },
      durable: false,
    });
  const cluster = await run();
  return {
    ...describe(installation, cluster),
    stop: async () => {
      await stopCluster(folder);
    },
    kill9: () => kill9(cluster.dataDir),
    start: async () => {
      await run(cluster.port);
    },
    remove: async () => {
      await stopCluster(folder);
      await removeClusterFolder(clusterPaths(folder));
    },
  };
}

function describe(installation: PostgresInstallation, cluster: RunningCluster): TestServer {
  const { port, password, dataDir, socketDir, logFile } = cluster;
  return {
    name: `PostgreSQL ${installation.major}`,
    major: installation.major,
    adminUrl: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    ...{ dataDir, socketDir, port, password, logFile },
    binDir: installation.binDir,
  };
}

async function kill9(dataDir: string): Promise<void> {
  const { running, file } = await readPostmasterState(dataDir);
  if (!running || !file) return;
  process.kill(file.pid, 'SIGKILL');
  while ((await readPostmasterState(dataDir)).running) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
