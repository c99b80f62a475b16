import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from './folder-errors.js';

/** Written, in the disk's own memory, and under a name that is not the object's. */
export interface AsideFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** What was renamed or linked is there after a power failure only if its folder was written too. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } catch (error) {
    // Some network file systems cannot, and have no need to.
    if (!hasCode(error, 'EINVAL') && !hasCode(error, 'ENOTSUP')) throw error;
  } finally {
    await folder.close();
  }
}

/**
 * Makes a folder that only its owner may enter, with the ones above it, durably. (Node's own recursive mkdir calls a read-only
 * disk a missing folder.)
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return;
    if (!hasCode(error, 'ENOENT') || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    return makeFolder(path);
  }
  await syncFolder(dirname(path));
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at);
    at += bytesWritten;
  }
}

async function copyInto(
  file: FileHandle,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
) {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const bytes of chunks) {
    const writing = writeAll(file, bytes);
    hash.update(bytes);
    sizeBytes += bytes.length;
    await writing;
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

/**
 * Writes a file beside the one that it is to become. On every failure it is removed.
 */
export async function writeAside(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<AsideFile> {
  const aside = `${path}.part-${randomBytes(8).toString('hex')}`;
  await makeFolder(dirname(path));
  const file = await open(aside, 'wx', 0o600);
  try {
    try {
      const written = await copyInto(file, chunks);
      await file.sync();
      return { path: aside, ...written };
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}

/** Gives a file its name, replacing what has it. */
export async function publish(aside: AsideFile, path: string): Promise<void> {
  try {
    await rename(aside.path, path);
  } catch (error) {
    await rm(aside.path, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Gives a file its name if nothing has it: link, unlike rename, never replaces. */
export async function publishNew(aside: AsideFile, path: string): Promise<'created' | 'exists'> {
  try {
    await link(aside.path, path);
    return 'created';
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return 'exists';
    throw error;
  } finally {
    await rm(aside.path, { force: true });
    await syncFolder(dirname(path));
  }
}
