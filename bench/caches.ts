import { open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../src/process/run.js';
import { NotMeasurable } from './file-system.js';
import type { Caches } from './options.js';
import { type BenchServer, filesOf, runSql } from './server.js';

const chunk = Buffer.alloc(1024 * 1024);

/** Reads a folder's files, so that the page cache has them. */
async function readFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = await open(join(folder, name));
    try {
      while ((await file.read(chunk, 0, chunk.length)).bytesRead > 0);
    } finally {
      await file.close();
    }
  }
}

async function dropPageCache(): Promise<void> {
  try {
    await writeFile('/proc/sys/vm/drop_caches', '1');
  } catch {
    throw new NotMeasurable('dropping the page cache needs root on Linux');
  }
}

/** Puts files on the disk itself, as CREATE DATABASE does before it answers. */
export async function syncFiles(paths: readonly string[]): Promise<void> {
  await runProgram('sync', paths, { mustSucceed: true });
}

/**
 * Makes every run start alike: what came before is on the disk, and the source's files are in the page cache, or
 * nothing is. The server's own buffers stay as they are in both cases.
 */
export async function prepare(server: BenchServer, caches: Caches, source: string): Promise<void> {
  await runSql(server, 'CHECKPOINT');
  // What the last run has removed is freed, and where the disk wants it discarded, by the file system's journal.
  await runProgram('sync', ['-f', server.dataDir], { mustSucceed: true });
  const folder = await filesOf(server, source);
  if (caches === 'cold') await dropPageCache();
  else await readFiles(folder);
}
