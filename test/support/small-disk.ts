import { mkdtemp, readdir, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../../src/process/postmaster.js';
import { runProgram } from '../../src/process/run.js';

const prefix = 'belay-disk-';

/** A disk of a few megabytes that nobody else writes to. */
export interface SmallDisk {
  readonly folder: string;
  unmount(): Promise<void>;
}

async function unmount(folder: string): Promise<void> {
  // Lazy: a server that has just been stopped may hold a file for a moment more.
  await runProgram('umount', ['--lazy', folder]);
  await rmdir(folder);
}

/** Of a test run that was killed: a mount, unlike a server, ends with nobody. */
async function unmountStale(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) await unmount(join(tmpdir(), name)).catch(() => {});
  }
}

/** Undefined where it cannot be made: that needs root and mount on Linux. */
export async function mountSmallDisk(sizeMegabytes: number): Promise<SmallDisk | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  await unmountStale();
  const folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
  const options = `size=${sizeMegabytes}m,mode=755`;
  const { exitCode } = await runProgram('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  if (exitCode === 0) return { folder, unmount: () => unmount(folder) };
  await rmdir(folder);
  return undefined;
}
