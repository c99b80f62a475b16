import { mkdir } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import type { Reporter } from '../domain/reporter.js';
import { reportStep, silentReporter } from '../domain/reporter.js';
import { BelayError } from '../errors.js';
import { chooseInstallation } from './choose-installation.js';
import { giveTo, prepareFolder, prepareLog } from './cluster-folder.js';
import { copyTree } from './copy-tree.js';
import { anyFreePort } from './free-port.js';
import type { PostgresInstallation } from './installation.js';
import { interruption } from './interruption.js';
import { findInstallations } from './postgres-installation.js';
import { startServer } from './postgres-server.js';
import { findServerUser, type ServerUser } from './server-user.js';
import { prepareShipped } from './shipped-postgres.js';
import {
  claimRun,
  drillFolder,
  removeDeadThrowaways,
  removeRun,
  type ThrowawayRun,
} from './throwaway-runs.js';
import { copyTemplate } from './throwaway-template.js';

export { removeDeadThrowaways } from './throwaway-runs.js';

export interface ThrowawayOptions {
  /** Belay's data folder. */
  readonly home: string;
  /** Version of the server that is wanted. */
  readonly major: number;
  readonly env: NodeJS.ProcessEnv;
  /** Server settings that win over Belay's own, e.g. `max_locks_per_transaction`. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Listen on 127.0.0.1, for programs that know no sockets; default: on Windows only. */
  readonly isOnTcp?: boolean | undefined;
  /** The data directory of a stopped server of that version, which is copied: its roles and databases are there, its passwords too. */
  readonly copyOf?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly reporter?: Reporter | undefined;
}

export interface ThrowawayServer {
  /** What to connect to: the socket's folder, or 127.0.0.1. */
  readonly host: string;
  readonly socketDir: string;
  readonly port: number;
  readonly user: 'postgres';
  /** A secret. */
  readonly password: string;
  /** e.g. "15.18". */
  readonly version: string;
  readonly major: number;
  readonly dataDir: string;
  /** What the server has printed; gone with the server. */
  readonly logFile: string;
  /** kill -9 of the postmaster. */
  kill(): void;
}

const isWindows = process.platform === 'win32';
const socketPort = 5432;

function megabytes(share: number, least: number, most: number): string {
  // Zero or a huge number where no control group sets a limit.
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  const bytes = Math.min(totalmem(), limit) * share;
  return `${Math.min(most, Math.max(least, Math.round(bytes / 1024 ** 2)))}MB`;
}

/**
 * For a server whose data nobody needs after the next minute, or after a crash: nothing waits for the disk, and
 * nothing is logged that can be left out. Machines of CI have 2 to 8 GB, for Belay and others.
 */
function settingsFor(port: number, isOnTcp: boolean): Record<string, string> {
  return {
    listen_addresses: isOnTcp ? '127.0.0.1' : '',
    port: String(port),
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    wal_level: 'minimal',
    max_wal_senders: '0',
    wal_init_zero: 'off',
    wal_recycle: 'off',
    checkpoint_timeout: '1d',
    max_wal_size: '4GB',
    autovacuum: 'off',
    jit: 'off',
    shared_buffers: megabytes(1 / 16, 64, 512),
    maintenance_work_mem: megabytes(1 / 32, 64, 256),
    // pg_restore builds several indexes at a time already: more workers than cores only cost.
    max_parallel_maintenance_workers: String(
      Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2))),
    ),
    max_connections: '20',
    // pg_restore --single-transaction locks everything it makes.
    max_locks_per_transaction: '2048',
    // Containers have 64 MB of /dev/shm, which two parallel index builds use up.
    ...(process.platform === 'linux' ? { dynamic_shared_memory_type: 'mmap' } : {}),
  };
}

const scratchHint = 'Or name a server to restore into with --drill-server.';

async function findInstallation(
  { major, env, home }: ThrowawayOptions,
  user: ServerUser,
): Promise<PostgresInstallation> {
  const installations = await findInstallations(env);
  let chosen: PostgresInstallation;
  try {
    chosen = chooseInstallation(installations, { dataMajor: null, major });
  } catch (error) {
    throw withScratchHint(error);
  }
  return chosen.source === 'npm' ? prepareShipped(chosen, home, user) : chosen;
}

/** Where no server can be had here, one elsewhere may do. */
function withScratchHint(error: unknown): unknown {
  if (!(error instanceof BelayError)) return error;
  const { code, message, hint = '', details, cause } = error;
  return new BelayError(code, message, { hint: `${hint} ${scratchHint}`.trim(), details, cause });
}

/** The log that an error points to is removed with the server; its end is in the message. */
function withoutLog(error: unknown): unknown {
  if (!(error instanceof BelayError) || error.code !== 'LOCAL_SERVER_FAILED') return error;
  return new BelayError(error.code, error.message, { hint: scratchHint, cause: error.cause });
}

function fileFailure(error: unknown, { paths }: ThrowawayRun): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof BelayError || typeof code !== 'string') return error;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new BelayError(
    isFull ? 'DISK_FULL' : 'FILE_ERROR',
    `cannot make a throwaway server in ${paths.folder}: ${message}`,
    { hint: 'Set BELAY_HOME to a folder with space that you may write to.', cause: error },
  );
}

async function start(
  options: ThrowawayOptions,
  run: ThrowawayRun,
  installation: PostgresInstallation,
  user: ServerUser,
): Promise<ThrowawayServer> {
  const { signal } = options;
  const { paths, socketDir } = run;
  const { dataDir, logFile } = paths;
  await prepareFolder(paths, user);
  await prepareLog(paths, user);
  await mkdir(socketDir, { mode: 0o700 });
  await giveTo(socketDir, user);
  const password = await makeData(options, run, installation, user);
  const isOnTcp = isWindows || options.isOnTcp === true;
  const port = isOnTcp ? await anyFreePort() : socketPort;
  const settings = { ...settingsFor(port, isOnTcp), ...options.settings };
  const { pid } = await startServer({
    ...{ installation, dataDir, socketDir, logFile, port, user, settings, signal },
  }).catch((error) => {
    throw withoutLog(error);
  });
  const { version, major } = installation;
  const host = isOnTcp ? '127.0.0.1' : socketDir;
  const kill = () => void process.kill(pid, 'SIGKILL');
  return {
    ...{ host, socketDir, port, user: 'postgres', password, version, major, dataDir, logFile },
    kill,
  };
}

/** @returns the password of the superuser, where the server is a new one */
async function makeData(
  { home, copyOf, signal, reporter = silentReporter }: ThrowawayOptions,
  { paths: { dataDir } }: ThrowawayRun,
  installation: PostgresInstallation,
  user: ServerUser,
): Promise<string> {
  if (copyOf !== undefined) {
    await copyTree({ from: copyOf, to: dataDir, user, signal });
    return '';
  }
  const onPrepare = () =>
    reporter({ type: 'note', message: `preparing PostgreSQL ${installation.version} for drills` });
  const template = { folder: drillFolder(home), installation, user, signal, onPrepare };
  return copyTemplate(template, dataDir);
}

async function removeLeftovers({ home, reporter }: ThrowawayOptions): Promise<void> {
  const { failed } = await removeDeadThrowaways(home);
  for (const { folder, why } of failed) {
    reporter?.({ type: 'warning', message: `cannot remove what is left in ${folder}: ${why}` });
  }
}

/**
 * Runs a PostgreSQL server for as long as `work` takes, and removes it with all its data whatever happens. Several
 * at the same time don't meet. A kill -9 leaves one behind, for the next run to remove.
 *
 * @throws BelayError POSTGRES_NOT_FOUND, LOCAL_SERVER_FAILED, DISK_FULL, FILE_ERROR, LOCKED, INTERRUPTED
 */
export async function withThrowawayCluster<T>(
  options: ThrowawayOptions,
  work: (server: ThrowawayServer) => Promise<T>,
): Promise<T> {
  const { home, signal, reporter = silentReporter } = options;
  if (signal?.aborted) throw interruption(signal.reason, 'the throwaway server was made');
  await removeLeftovers(options);
  const user = await findServerUser();
  const installation = await findInstallation(options, user);
  const run = await claimRun(home);
  try {
    const step = { name: 'starting a throwaway server', detail: installation.version };
    const server = await reportStep(reporter, step, () =>
      start(options, run, installation, user).catch((error) => {
        throw fileFailure(error, run);
      }),
    );
    return await work(server);
  } finally {
    await removeRun(run, installation.binDir).catch((error) => {
      const message = `cannot remove the throwaway server in ${run.paths.folder}: ${error}`;
      reporter({ type: 'warning', message });
    });
  }
}
