import { access, constants, mkdir, realpath, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Reporter } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { freeBytes } from '../../postgres/data-directory.js';
import { branchesFolder } from '../../process/branch-cluster-index.js';
import { canShareBlocks, canShareBlocksWithin } from '../../process/copy-tree.js';
import { measureDiskUsage } from '../../process/disk-usage.js';
import { findBarrier, type ServerUser } from '../../process/server-user.js';
import type { ClusterSource } from './cluster-source.js';

/** Folder of branches beside the data directory that they are copied from: on the same file system, blocks can be shared. */
const besideName = 'belay-branches';

/** Room for the log and what a server writes when it starts. */
const extraBytes = 128 * 1024 ** 2;

export interface PlaceWish {
  /** The folder that the config names. */
  readonly folder: string | undefined;
  readonly cwd: string;
  /** Belay's data folder. */
  readonly home: string;
  readonly user: ServerUser;
}

/**
 * The folder to make a branch's folder in: the one that is wished for, else beside the source's data where Belay may write
 * there, else Belay's data folder.
 * @throws BelayError FILE_ERROR where the wished one cannot be used
 */
export async function chooseClusterPlace(source: ClusterSource, wish: PlaceWish): Promise<string> {
  if (wish.folder !== undefined) {
    const folder = resolve(wish.cwd, wish.folder);
    const problem = await problemOf(folder, wish.user);
    if (problem === undefined) return realpath(folder);
    throw new BelayError('FILE_ERROR', `branches cannot lie in ${folder}: ${problem}`, {
      hint: 'Name another one with "branches": {"folder": …} in the config.',
    });
  }
  const beside = await besideSource(source);
  const candidates = [...(beside ? [beside] : []), branchesFolder(wish.home)];
  const problems: string[] = [];
  for (const folder of candidates) {
    const problem = await problemOf(folder, wish.user);
    if (problem === undefined) return realpath(folder);
    problems.push(`${folder}: ${problem}`);
  }
  throw new BelayError('FILE_ERROR', `there is no place for the branch: ${problems.join('; ')}`, {
    hint: 'Name a folder with "branches": {"folder": …} in the config.',
  });
}

async function besideSource({ dataDir, branchFolder }: ClusterSource): Promise<string | undefined> {
  if (branchFolder !== null) return dirname(branchFolder);
  const parent = dirname(dataDir);
  // Where the data directory is a mount of its own, its parent is elsewhere.
  const [inside, outside] = await Promise.all([stat(dataDir), stat(parent)]);
  return inside.dev === outside.dev ? join(parent, besideName) : undefined;
}

/** What is wrong with a folder; makes it where it is missing. */
async function problemOf(folder: string, user: ServerUser): Promise<string | undefined> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    await access(folder, constants.W_OK);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const barrier = await findBarrier(folder, user);
  return barrier && `${user.name}, who runs the server, may not enter ${barrier}`;
}

/** Whether a folder of branches is one that Belay makes and removes by itself. */
export function isOwnPlace(parent: string): boolean {
  return basename(parent) === besideName;
}

/** Removes the folder beside a data directory with the last branch in it. */
export async function removeEmptyPlace(parent: string): Promise<void> {
  // A folder that is not empty, or not ours to remove, stays.
  if (isOwnPlace(parent)) await rmdir(parent).catch(() => {});
}

/**
 * Says what a copy costs where blocks cannot be shared, and refuses one that does not fit, before anything is copied.
 * @throws BelayError DISK_FULL
 */
export async function checkRoom(
  { dataDir }: ClusterSource,
  parent: string,
  reporter: Reporter,
): Promise<void> {
  const fromSource = await canShareBlocks(join(dataDir, 'PG_VERSION'), parent);
  const within = fromSource || (await canShareBlocksWithin(parent));
  if (fromSource) return;
  const usage = await measureDiskUsage([dataDir]);
  const sizeBytes = usage?.allocatedBytes ?? 0;
  // Once for the branch, once for the state that a reset goes back to.
  const neededBytes = sizeBytes * (within ? 1 : 2) + extraBytes;
  const free = (await freeBytes(parent)) ?? Number.POSITIVE_INFINITY;
  const asText = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  if (free < neededBytes) {
    throw new BelayError(
      'DISK_FULL',
      `the copy needs ${asText(neededBytes)} in ${parent}, ${asText(free)} are free`,
      {
        hint: 'Nothing was copied. Free space, or name a folder on the file system of the server’s data (XFS with reflinks, Btrfs or APFS) with "branches": {"folder": …} in the config.',
        details: { neededBytes, freeBytes: free },
      },
    );
  }
  const base = within ? '' : ', and as much again for the state that a reset goes back to';
  reporter({
    type: 'note',
    message: `${parent} cannot share blocks with ${dataDir}: ${asText(sizeBytes)} are copied${base}`,
  });
}
