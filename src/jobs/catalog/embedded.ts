import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dataHome } from '../../config/data-home.js';
import { type Reporter, reportStep, silentReporter } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { localServerPlace } from '../../features/local/local-server.js';
import { defaultConnectTimeoutMs } from '../../postgres/connection-settings.js';
import type { ConnectionSettings } from '../../postgres/settings.js';
import { chooseInstallation } from '../../process/choose-installation.js';
import { type RunningCluster, startCluster, stopCluster } from '../../process/cluster.js';
import { clusterPaths } from '../../process/cluster-folder.js';
import { readDataDirectoryMajor } from '../../process/data-directory.js';
import { withFolderLock } from '../../process/folder-lock.js';
import { findInstallations } from '../../process/postgres-installation.js';
import { hasUsers, noteUser } from './catalog-users.js';

export interface EmbeddedOptions {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  readonly reporter?: Reporter | undefined;
}

export interface EmbeddedServer {
  readonly folder: string;
  settings(): ConnectionSettings;
  /** Starts it again where it has died. @returns false where it has died too often to try again */
  revive(): Promise<boolean>;
  /** Stops it, unless another process uses it too. */
  release(): Promise<void>;
}

const database = 'belay';
/** Restarts within the window; a server that dies faster has a reason that a restart does not mend. */
const mostRestarts = 5;
const restartWindowMs = 60_000;

/** A few connections and little memory: what it keeps is small, and it shares the machine with what is backed up. */
const smallSettings = {
  // Reached through its socket alone, in a folder that only its user may enter.
  listen_addresses: '',
  shared_buffers: '16MB',
  max_connections: '30',
  max_worker_processes: '1',
  max_parallel_workers: '0',
  max_logical_replication_workers: '0',
  max_wal_senders: '0',
  wal_level: 'minimal',
  autovacuum_max_workers: '1',
  maintenance_work_mem: '16MB',
  min_wal_size: '32MB',
  max_wal_size: '128MB',
  jit: 'off',
};

/** The server's folder; root's is where the server's own user may enter. */
function embeddedFolder(home: string, env: NodeJS.ProcessEnv): string {
  const isDefault = home === dataHome(env);
  const place = localServerPlace({ home: isDefault ? undefined : home, env });
  return join(place.home, 'serve', 'catalog');
}

/**
 * Starts Belay's own catalog server, or joins the one that runs, and notes that this process uses it: the last one that
 * releases it stops it, and one that was killed does not count.
 *
 * @throws BelayError POSTGRES_NOT_FOUND, LOCAL_SERVER_FAILED, LOCKED, INTERRUPTED
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const folder = embeddedFolder(options.home, options.env);
  const parent = dirname(folder);
  const users = join(parent, 'catalog-users');
  const lockFile = join(parent, 'catalog.lock');
  await prepareParent(parent);
  const { signal } = options;
  const [first, forget] = await withFolderLock(
    lockFile,
    async (): Promise<[RunningCluster, () => Promise<void>]> => {
      const remove = await noteUser(users);
      try {
        return [await start(folder, options, signal), remove];
      } catch (error) {
        await remove();
        throw error;
      }
    },
    { signal },
  );
  let cluster = first;
  const restart = async () => {
    cluster = await withFolderLock(lockFile, () => start(folder, options));
  };
  return {
    folder,
    settings: () => settingsOf(cluster),
    revive: makeRevive(restart),
    release: () =>
      withFolderLock(lockFile, async () => {
        await forget();
        if (!(await hasUsers(users))) await stopCluster(folder);
      }),
  };
}

/** The server's user has to pass through this folder; what else lies in it is closed by itself. */
async function prepareParent(parent: string): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  try {
    await mkdir(parent, { recursive: true, mode: isRoot ? 0o711 : 0o700 });
    const { mode } = await stat(parent);
    if (isRoot && (mode & 0o001) === 0) await chmod(parent, mode | 0o011);
  } catch (error) {
    throw new BelayError('LOCAL_SERVER_FAILED', `cannot make the folder ${parent}`, {
      hint: 'Set BELAY_HOME to a folder that you may write to, or name a catalog elsewhere with --catalog.',
      cause: error,
    });
  }
}

async function start(
  folder: string,
  { home, env, reporter }: EmbeddedOptions,
  signal?: AbortSignal,
): Promise<RunningCluster> {
  const dataMajor = await readDataDirectoryMajor(clusterPaths(folder).dataDir);
  // Which settings there are depends on the version.
  const installation = lazily(async () =>
    chooseInstallation(await findInstallations(env), { dataMajor }),
  );
  const major = dataMajor ?? (await installation()).major;
  return reportStep(reporter ?? silentReporter, { name: 'start the catalog' }, () =>
    startCluster({
      ...{ folder, home, signal },
      chooseInstallation: installation,
      databases: [database],
      settings: major >= 18 ? { ...smallSettings, io_method: 'sync' } : smallSettings,
    }),
  );
}

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function settingsOf({ socketDir, port, password }: RunningCluster): ConnectionSettings {
  const host = process.platform === 'win32' ? '127.0.0.1' : socketDir;
  return {
    hosts: [{ host, port }],
    user: 'postgres',
    password,
    database,
    ssl: { mode: 'disable' },
    connectTimeoutMs: defaultConnectTimeoutMs,
  };
}

/** One restart at a time, whoever asks. */
function makeRevive(restart: () => Promise<void>): () => Promise<boolean> {
  let running: Promise<boolean> | undefined;
  let startedAt: number[] = [];
  const attempt = async () => {
    const now = performance.now();
    startedAt = startedAt.filter((at) => now - at < restartWindowMs);
    if (startedAt.length >= mostRestarts) return false;
    startedAt.push(now);
    await restart();
    return true;
  };
  return () => {
    running ??= attempt()
      .catch(() => false)
      .finally(() => {
        running = undefined;
      });
    return running;
  };
}
