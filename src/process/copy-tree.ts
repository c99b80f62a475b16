import { constants, type Dirent } from 'node:fs';
import {
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { BelayError } from '../errors.js';
import { giveTo } from './cluster-folder.js';
import { interruption } from './interruption.js';
import type { ServerUser } from './server-user.js';

export interface TreeCopy {
  readonly from: string;
  /** Must not exist; its parent does. */
  readonly to: string;
  /** Owner of what is made. */
  readonly user: ServerUser;
  /** Whether to leave something out, by its path below `from`, e.g. "pg_wal/000000010000000000000001". */
  readonly skips?: ((path: string, isFolder: boolean) => boolean) | undefined;
  /**
   * Folders for which a link leads elsewhere and whose content is copied in its place. Other links are copied as links.
   */
  readonly follows?: ((path: string) => boolean) | undefined;
  /** Files that are copied after all others, in this order. */
  readonly last?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CopiedTree {
  /** Files that share their blocks with the original. */
  readonly sharedFiles: number;
  /** Files that were copied byte by byte: they take room of their own. */
  readonly copiedFiles: number;
}

/** More than the threads that Node has for files: the next request is there when one is done. */
const workers = 8;

/** What says that files cannot share blocks here; anything else is a failure. */
const cannotShareCodes = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOSYS', 'ENOTTY']);

/** Whether files in a folder can share their blocks with those of another; tried, with a file of its own where it may. */
export async function canShareBlocks(fromFile: string, toFolder: string): Promise<boolean> {
  const probe = await mkdtemp(join(toFolder, '.probe-'));
  try {
    // An empty file would prove nothing: there is no block to share.
    const target = join(probe, 'file');
    return await copyFile(fromFile, target, constants.COPYFILE_FICLONE_FORCE).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (cannotShareCodes.has(error.code ?? '')) return false;
        throw error;
      },
    );
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

/** The same for two folders of Belay's own, with a file made for it. */
export async function canShareBlocksWithin(folder: string): Promise<boolean> {
  const probe = await mkdtemp(join(folder, '.probe-'));
  try {
    const file = join(probe, 'file');
    await writeFile(file, Buffer.alloc(4096, 1));
    return await canShareBlocks(file, probe);
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

/** A place in the tree, below its root. */
interface Entry {
  readonly path: string;
  readonly type: 'file' | 'link';
}

interface Progress {
  sharedFiles: number;
  copiedFiles: number;
}

/**
 * Copies a folder that others may be changing: what vanishes meanwhile is left out, what grows may be copied with or
 * without its new end. Files share their blocks with the original where the file system can do that, and are copied where not.
 * Nothing is on the disk for certain until `syncTree` has been called.
 *
 * @throws BelayError DISK_FULL, FILE_ERROR, INTERRUPTED; what was made so far stays
 */
export async function copyTree(order: TreeCopy): Promise<CopiedTree> {
  const progress: Progress = { sharedFiles: 0, copiedFiles: 0 };
  try {
    const entries: Entry[] = [];
    await makeFolders(order, '', entries);
    const last = new Set(order.last);
    const isLast = ({ path }: Entry) => last.has(path);
    await inParallel(
      entries.filter((entry) => !isLast(entry)),
      (entry) => copyEntry(order, entry, progress),
    );
    for (const entry of entries.filter(isLast)) await copyEntry(order, entry, progress);
    return progress;
  } catch (error) {
    throw copyFailure(order, error);
  }
}

async function makeFolders(order: TreeCopy, path: string, entries: Entry[]): Promise<void> {
  checkAbort(order);
  const found = await readdir(join(order.from, path), { withFileTypes: true }).catch(noneIfGone);
  if (found === undefined) return;
  const folder = join(order.to, path);
  // What is in a data directory is nobody else's business.
  await mkdir(folder, { mode: 0o700 });
  await giveTo(folder, order.user);
  for (const entry of found) {
    const inner = join(path, entry.name);
    const isFolder = await leadsToFolder(order, inner, entry);
    if (order.skips?.(inner, isFolder)) continue;
    if (isFolder) await makeFolders(order, inner, entries);
    else if (entry.isSymbolicLink()) entries.push({ path: inner, type: 'link' });
    else if (entry.isFile()) entries.push({ path: inner, type: 'file' });
    // Sockets and pipes belong to a process, not to the data.
  }
}

async function leadsToFolder(order: TreeCopy, path: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink() || !order.follows?.(path)) return entry.isDirectory();
  const found = await stat(join(order.from, path)).catch(noneIfGone);
  return found?.isDirectory() ?? false;
}

async function copyEntry(order: TreeCopy, entry: Entry, progress: Progress): Promise<void> {
  checkAbort(order);
  const from = join(order.from, entry.path);
  const to = join(order.to, entry.path);
  if (entry.type === 'link') {
    const target = await readlink(from).catch(noneIfGone);
    if (target !== undefined) await symlink(target, to);
    return;
  }
  const isShared = await copyOne(from, to).catch(noneIfGone);
  if (isShared === undefined) return;
  const { uid, gid } = order.user;
  if (uid !== undefined && gid !== undefined) await chown(to, uid, gid);
  progress[isShared ? 'sharedFiles' : 'copiedFiles'] += 1;
}

/** @returns whether the blocks are shared */
async function copyOne(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch (error) {
    if (!cannotShareCodes.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  // The attempt may have left an empty file.
  await copyFile(from, to);
  return false;
}

function noneIfGone(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const run = async () => {
    while (next < items.length && !failed) {
      const item = items[next] as T;
      next += 1;
      try {
        await work(item);
      } catch (error) {
        // The others stop too: nobody may write into a folder that is being removed.
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: workers }, run));
  const problem = results.find((result) => result.status === 'rejected');
  if (problem) throw problem.reason;
}

function checkAbort({ signal, from }: TreeCopy): void {
  if (signal?.aborted) throw interruption(signal.reason, `copying ${from}`);
}

function copyFailure({ from, to }: TreeCopy, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof BelayError || typeof code !== 'string') return error;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new BelayError(
    isFull ? 'DISK_FULL' : 'FILE_ERROR',
    `cannot copy ${from} to ${to}: ${message}`,
    {
      hint: isFull
        ? 'Free space there, or name another place with "branches": {"folder": …} in the config.'
        : undefined,
      cause: error,
    },
  );
}
