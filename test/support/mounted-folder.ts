import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../src/process/run.js';
import { tellWatchdog } from './watchdog.js';

export interface MountedFolder {
  readonly path: string;
  /** End the servers in it first. */
  remove(): Promise<void>;
}

export interface MountRequest {
  readonly type: 'xfs' | 'tmpfs';
  readonly sizeBytes: number;
}

/**
 * A small file system of a test's own; xfs has reflinks.
 * @returns the reason where this machine does not allow it
 */
export async function mountFolder(request: MountRequest): Promise<MountedFolder | string> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'mounting needs Linux and root';
  const path = await mkdtemp(join(tmpdir(), 'belay-mount-'));
  tellWatchdog(`@${path}`);
  try {
    await mount(request, path);
    await runProgram('chmod', ['755', path], { mustSucceed: true });
  } catch (error) {
    await rm(path, { recursive: true, force: true });
    return error instanceof Error ? error.message : String(error);
  }
  return {
    path,
    remove: async () => {
      await runProgram('umount', [path], { mustSucceed: true });
      await rm(path, { recursive: true, force: true });
      tellWatchdog(`-${path}`);
    },
  };
}

async function mount({ type, sizeBytes }: MountRequest, path: string): Promise<void> {
  if (type === 'tmpfs') {
    const options = `size=${sizeBytes}`;
    await runProgram('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { mustSucceed: true });
    return;
  }
  const image = `${path}.img`;
  try {
    const file = await open(image, 'wx', 0o600);
    // Sparse: it takes only what is written into it.
    await file.truncate(sizeBytes);
    await file.close();
    await runProgram('mkfs.xfs', ['-q', '-m', 'reflink=1', image], { mustSucceed: true });
    await runProgram('mount', ['-o', 'loop', image, path], { mustSucceed: true });
  } finally {
    // The mount keeps the file's blocks alive; they go with it.
    await rm(image, { force: true });
  }
}
