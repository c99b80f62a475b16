import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from './run.js';

/** Makes what was written to a file, or the names in a folder, survive a power cut. */
export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Longer than a disk takes for what a machine's memory may hold. */
const timeoutMs = 10 * 60_000;

/**
 * Makes a whole folder survive a power cut. On Linux with one call for its file system: the thousands of files of a data
 * directory one by one take seconds.
 */
export async function syncTree(folder: string): Promise<void> {
  if (process.platform === 'linux') {
    const synced = await runProgram('sync', ['--file-system', folder], { timeoutMs }).catch(
      () => undefined,
    );
    if (synced?.exitCode === 0) return;
  }
  await syncOneByOne(folder);
}

async function syncOneByOne(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncOneByOne(path);
    else if (entry.isFile()) await syncToDisk(path);
  }
  await syncToDisk(folder);
}
