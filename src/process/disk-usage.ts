import { lstat, readdir, realpath, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Extent, readExtents } from './file-extents.js';
import { interruption } from './interruption.js';

/** What files and folders take on their disk. */
export interface DiskUsage {
  /** All blocks that they refer to, also those that other files share with them. */
  readonly allocatedBytes: number;
  /**
   * Blocks that nothing else refers to, so what the removal of these files frees; null: cannot be seen from here.
   * A lower bound where several of these very files share a block, unless `sharedWith` says who else may.
   */
  readonly ownBytes: number | null;
}

export interface DiskUsageOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * Everything else that may share blocks with these files. With it a block that only these files share among themselves
   * counts as their own; without it nobody can tell, and it does not. All of these files are read as well.
   */
  readonly sharedWith?: readonly string[] | undefined;
}

interface FoundFile {
  readonly path: string;
  readonly device: number;
  readonly allocatedBytes: number;
}

interface Found {
  readonly files: readonly FoundFile[];
  /** Of the folders themselves: no file system shares those. */
  readonly folderBytes: number;
}

/** File systems that never let two files share a block: ext2 to ext4, and tmpfs. Elsewhere only extents tell. */
const neverSharing = new Set([0xef53, 0x01021994]);
const blockBytes = 512;
/** Enough to keep a disk busy, few enough to leave the server's own reads alone. */
const statsAtOnce = 32;

/**
 * Measures what files and folders take on disk, with everything in them. Symbolic links are followed only where they
 * are given themselves. What vanishes meanwhile is left out: a server that runs removes files at any moment.
 *
 * @returns undefined where this process may not look at all of it
 * @throws BelayError INTERRUPTED or TERMINATED on an abort
 */
export async function measureDiskUsage(
  paths: readonly string[],
  options: DiskUsageOptions = {},
): Promise<DiskUsage | undefined> {
  const { signal, sharedWith } = options;
  try {
    const found = await findAll(paths, signal);
    const allocatedBytes = found.files.reduce(
      (sum, file) => sum + file.allocatedBytes,
      found.folderBytes,
    );
    const others = sharedWith && (await findAll(sharedWith, signal));
    const own = await ownBytesOf(found.files, others?.files, signal);
    // Extents of compressed files are as long as what they hold, not as what they take.
    const ownBytes = own === null ? null : Math.min(own + found.folderBytes, allocatedBytes);
    return { allocatedBytes, ownBytes };
  } catch (error) {
    if (isDenied(error)) return undefined;
    throw error;
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;
const isDenied = (error: unknown) => ['EACCES', 'EPERM'].includes(codeOf(error) ?? '');
const isGone = (error: unknown) => ['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '');

async function orGone<T>(promise: Promise<T>): Promise<T | undefined> {
  return promise.catch((error: unknown) => {
    if (isGone(error)) return undefined;
    throw error;
  });
}

async function findAll(paths: readonly string[], signal: AbortSignal | undefined): Promise<Found> {
  const seen = new Set<string>();
  const files: FoundFile[] = [];
  let folderBytes = 0;
  const given = await Promise.all(paths.map((path) => orGone(realpath(path))));
  let next = given.filter((path) => path !== undefined);
  while (next.length > 0) {
    throwIfAborted(signal);
    const some = next.slice(0, statsAtOnce);
    const inside = await Promise.all(
      some.map(async (path) => {
        const stats = await orGone(lstat(path));
        // A file with two names takes its blocks once.
        const key = stats && `${stats.dev}:${stats.ino}`;
        if (!stats || !key || seen.has(key)) return [];
        seen.add(key);
        const allocatedBytes = stats.blocks * blockBytes;
        if (stats.isFile()) files.push({ path, device: stats.dev, allocatedBytes });
        else folderBytes += allocatedBytes;
        if (!stats.isDirectory()) return [];
        return ((await orGone(readdir(path))) ?? []).map((name) => join(path, name));
      }),
    );
    next = [...next.slice(statsAtOnce), ...inside.flat()];
  }
  return { files, folderBytes };
}

async function ownBytesOf(
  files: readonly FoundFile[],
  others: readonly FoundFile[] | undefined,
  signal: AbortSignal | undefined,
): Promise<number | null> {
  let total = 0;
  for (const [device, own] of byDevice(files)) {
    const some = own.find(({ allocatedBytes }) => allocatedBytes > 0);
    if (!some) continue;
    const type = (await orGone(statfs(some.path)))?.type;
    if (type !== undefined && neverSharing.has(type)) {
      total += own.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
      continue;
    }
    const extents = await extentsOf(own, signal);
    const rivals = others && (await extentsOf(byDevice(others).get(device) ?? [], signal));
    if (extents === null || rivals === null) return null;
    total += sumOf(extents.filter(({ isShared }) => !isShared));
    if (rivals) total += bytesOnlyIn(extents, rivals);
  }
  return total;
}

async function extentsOf(
  files: readonly FoundFile[],
  signal: AbortSignal | undefined,
): Promise<readonly Extent[] | null> {
  const written = files.filter(({ allocatedBytes }) => allocatedBytes > 0);
  return readExtents(
    written.map(({ path }) => path),
    { signal },
  );
}

function byDevice(files: readonly FoundFile[]): Map<number, FoundFile[]> {
  const groups = new Map<number, FoundFile[]>();
  for (const file of files) {
    const group = groups.get(file.device);
    if (group) group.push(file);
    else groups.set(file.device, [file]);
  }
  return groups;
}

const sumOf = (extents: readonly Extent[]) => extents.reduce((sum, one) => sum + one.bytes, 0);

/** Bytes of shared extents that the others do not have, each place on the disk once. */
function bytesOnlyIn(extents: readonly Extent[], others: readonly Extent[]): number {
  const own = merged(extents);
  const rivals = merged(others);
  let bytes = sumOf(own);
  let from = 0;
  for (const { start, bytes: length } of own) {
    while (from < rivals.length && endOf(rivals[from]) <= start) from++;
    for (let at = from; at < rivals.length; at++) {
      const rival = rivals[at];
      if (!rival || rival.start >= start + length) break;
      bytes -= Math.min(endOf(rival), start + length) - Math.max(rival.start, start);
    }
  }
  return bytes;
}

const endOf = (extent: Extent | undefined) => (extent ? extent.start + extent.bytes : 0);

/** The places of shared extents, sorted, without overlaps. */
function merged(extents: readonly Extent[]): Extent[] {
  const shared = extents.filter(({ isShared }) => isShared).sort((a, b) => a.start - b.start);
  const result: Extent[] = [];
  for (const one of shared) {
    const last = result.at(-1);
    if (last && one.start <= endOf(last)) {
      const bytes = Math.max(endOf(last), endOf(one)) - last.start;
      result[result.length - 1] = { ...last, bytes };
    } else result.push(one);
  }
  return result;
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interruption(signal.reason, 'Belay was measuring files');
}
