import { randomBytes } from 'node:crypto';
import {
  chown,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BelayError } from '../errors.js';
import type { InstallationSource } from './installation.js';
import { findBarrier, type ServerUser } from './server-user.js';

/** Where everything of one cluster is: data, log, password and what Belay remembers of it. */
export interface ClusterPaths {
  readonly folder: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly passwordFile: string;
  readonly recordFile: string;
  readonly lockFile: string;
}

/** What Belay remembers of a cluster between runs. */
export interface ClusterRecord {
  readonly port: number;
  readonly socketDir: string;
  /** e.g. "18.4". */
  readonly version: string;
  readonly source: InstallationSource;
  readonly binDir: string;
}

/** Unix socket paths end at 103 or 107 bytes; the socket's own name needs some. */
const maxSocketPathBytes = 100;
const maxLogBytes = 10 * 1024 * 1024;

export function clusterPaths(folder: string): ClusterPaths {
  return {
    folder,
    dataDir: join(folder, 'data'),
    logFile: join(folder, 'server.log'),
    passwordFile: join(folder, 'password'),
    recordFile: join(folder, 'cluster.json'),
    lockFile: join(folder, 'lock'),
  };
}

/** Whether a server's socket in this folder has a path that every system accepts. */
export function fitsSocketPath(socketDir: string): boolean {
  return Buffer.byteLength(join(socketDir, '.s.PGSQL.65535')) <= maxSocketPathBytes;
}

/** @returns null where there is none, or where it cannot be read as one: then it is made anew. */
export async function readClusterRecord(paths: ClusterPaths): Promise<ClusterRecord | null> {
  try {
    const record = JSON.parse(await readFile(paths.recordFile, 'utf8'));
    const isWhole = Number.isInteger(record.port) && typeof record.socketDir === 'string';
    return isWhole ? (record as ClusterRecord) : null;
  } catch {
    return null;
  }
}

/** Replaces a file as a whole, so that nobody ever reads half of it. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const fresh = `${path}.new-${randomBytes(4).toString('hex')}`;
  await writeFile(fresh, content, { mode: 0o600 });
  await rename(fresh, path);
}

export async function writeClusterRecord(paths: ClusterPaths, record: ClusterRecord) {
  await replaceFile(paths.recordFile, `${JSON.stringify(record, null, 2)}\n`);
}

export async function makePassword(paths: ClusterPaths): Promise<string> {
  const password = randomBytes(18).toString('base64url');
  await replaceFile(paths.passwordFile, password);
  return password;
}

/** @throws BelayError LOCAL_SERVER_FAILED where the file is lost */
export async function readPassword(paths: ClusterPaths): Promise<string> {
  try {
    return (await readFile(paths.passwordFile, 'utf8')).trim();
  } catch (error) {
    throw new BelayError('LOCAL_SERVER_FAILED', `cannot read ${paths.passwordFile}`, {
      hint: `Without its password nobody can use the server. To begin with an empty one, stop it and remove ${paths.folder}.`,
      cause: error,
    });
  }
}

/**
 * Makes the cluster's folder and checks that the server's user can get there.
 *
 * @throws BelayError LOCAL_SERVER_FAILED
 */
export async function prepareFolder(paths: ClusterPaths, user: ServerUser): Promise<void> {
  try {
    await mkdir(paths.folder, { recursive: true, mode: user.uid === undefined ? 0o700 : 0o755 });
  } catch (error) {
    throw new BelayError('LOCAL_SERVER_FAILED', `cannot make the folder ${paths.folder}`, {
      hint: 'Set BELAY_HOME to a folder that you may write to.',
      cause: error,
    });
  }
  const barrier = await findBarrier(paths.folder, user);
  if (barrier === undefined) return;
  throw new BelayError(
    'LOCAL_SERVER_FAILED',
    `the server runs as ${user.name}, who may not enter ${barrier}`,
    { hint: 'Set BELAY_HOME to a folder that other users may enter, such as /var/lib/belay.' },
  );
}

export async function giveTo(path: string, user: ServerUser): Promise<void> {
  if (user.uid !== undefined && user.gid !== undefined) await chown(path, user.uid, user.gid);
}

/** Makes the log file, and puts a big one aside: the server only ever appends. */
export async function prepareLog(paths: ClusterPaths, user: ServerUser): Promise<void> {
  const size = await stat(paths.logFile).then(
    (found) => found.size,
    () => 0,
  );
  if (size > maxLogBytes) await rename(paths.logFile, `${paths.logFile}.old`);
  await (await open(paths.logFile, 'a', 0o600)).close();
  await giveTo(paths.logFile, user);
}

async function belongsTo(folder: string, user: ServerUser): Promise<boolean> {
  const owner = user.uid ?? process.getuid?.();
  return lstat(folder).then(
    (found) => found.isDirectory() && (owner === undefined || found.uid === owner),
    () => false,
  );
}

/**
 * Makes the folder of the server's socket: in the cluster's folder, or, where that path would be too
 * long, one with a random name in the temporary folder. Only the server's user may enter it.
 *
 * @param before the folder used last time, kept if it is still there and still ours
 */
export async function prepareSocketDir(
  paths: ClusterPaths,
  user: ServerUser,
  before?: string,
): Promise<string> {
  const usual = join(paths.folder, 'socket');
  if (fitsSocketPath(usual)) {
    await mkdir(usual, { recursive: true, mode: 0o700 });
    await giveTo(usual, user);
    return usual;
  }
  if (before && fitsSocketPath(before) && (await belongsTo(before, user))) return before;
  const short = await mkdtemp(join(tmpdir(), 'belay-'));
  await giveTo(short, user);
  return short;
}

/** Removes a cluster with everything in it. The server must be stopped. */
export async function removeClusterFolder(paths: ClusterPaths): Promise<void> {
  const record = await readClusterRecord(paths);
  if (record && !record.socketDir.startsWith(paths.folder)) {
    await rm(record.socketDir, { recursive: true, force: true });
  }
  await rm(paths.folder, { recursive: true, force: true });
}
