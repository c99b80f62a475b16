import { constants } from 'node:fs';
import { copyFile, mkdtemp, open, readdir, rm, rmdir, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../src/process/postmaster.js';
import { runProgram } from '../src/process/run.js';

/** A folder to make servers in, and what lies under it. */
export interface BenchFolder {
  readonly path: string;
  /** e.g. "xfs". */
  readonly type: string;
  /** Tried: a file was copied by sharing its blocks. */
  readonly hasReflinks: boolean;
  remove(): Promise<void>;
}

/** Why something cannot be measured on this machine; said to the user, and the rest is measured. */
export class NotMeasurable extends Error {}

const folderPrefix = 'belay-bench-';

async function typeOf(path: string): Promise<string> {
  const result = await runProgram('stat', ['-f', '-c', '%T', path]).catch(() => undefined);
  if (result?.exitCode === 0) return result.stdout.trim().replace('ext2/ext3', 'ext4');
  return `type 0x${(await statfs(path)).type.toString(16)}`;
}

async function canReflink(folder: string): Promise<boolean> {
  const [from, to] = [join(folder, 'reflink-from'), join(folder, 'reflink-to')];
  try {
    await writeFile(from, Buffer.alloc(64 * 1024, 1));
    return await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE).then(
      () => true,
      () => false,
    );
  } finally {
    await rm(from, { force: true });
    await rm(to, { force: true });
  }
}

/** Mount points of runs that were killed: the mount is gone with them, the empty folder is not. */
async function removeStaleFolders(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${folderPrefix}(\\d+)-`).exec(name)?.[1];
    // Only empty ones: what is in a folder was not made by a mount.
    if (pid && !isAlive(Number(pid))) await rmdir(join(tmpdir(), name)).catch(() => {});
  }
}

/** @throws NotMeasurable where the databases, their copies and the log would not fit */
async function checkRoom(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const gb = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  if (bavail * bsize >= neededBytes) return;
  throw new NotMeasurable(`needs ${gb(neededBytes)} of disk, ${gb(bavail * bsize)} are free`);
}

/** At most so many copies of the database are there at once; beside them the log and the system's files. */
const copiesAtOnce = 6;
const logBytes = 6e9;

function neededBytes(databaseBytes: number): number {
  return databaseBytes * copiesAtOnce + Math.min(logBytes, databaseBytes * 4) + 500e6;
}

/** The temporary folder, on whatever file system it is. */
export async function folderAtHand(databaseBytes: number): Promise<BenchFolder> {
  await removeStaleFolders();
  const path = tmpdir();
  await checkRoom(path, neededBytes(databaseBytes));
  const [type, hasReflinks] = [await typeOf(path), await canReflink(path)];
  return { path, type, hasReflinks, remove: async () => {} };
}

/** A new XFS with reflinks in a file that is mounted. @throws NotMeasurable where that is not possible */
export async function mountXfs(databaseBytes: number): Promise<BenchFolder> {
  await removeStaleFolders();
  if (process.env.BELAY_BENCH_PRIVATE_MOUNTS !== '1') {
    throw new NotMeasurable('mounting needs Linux, root and the right to make a mount namespace');
  }
  const sizeBytes = neededBytes(databaseBytes);
  await checkRoom(tmpdir(), sizeBytes);
  const path = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  try {
    await mountImage(path, sizeBytes);
  } catch (error) {
    await rmdir(path);
    throw error;
  }
  return {
    path,
    type: 'xfs',
    hasReflinks: await canReflink(path),
    remove: async () => {
      await runProgram('umount', [path], { mustSucceed: true });
      await rmdir(path);
    },
  };
}

async function mountImage(path: string, sizeBytes: number): Promise<void> {
  const image = `${path}.img`;
  try {
    const file = await open(image, 'wx', 0o600);
    // Sparse: it takes only what is written into it.
    await file.truncate(Math.ceil(sizeBytes));
    await file.close();
    await runOrExplain('mkfs.xfs', ['-q', '-m', 'reflink=1', image]);
    await runOrExplain('mount', ['-o', 'loop', image, path]);
  } finally {
    // The mount keeps the file's blocks alive; they go with it, however this process ends.
    await rm(image, { force: true });
  }
  await runProgram('chmod', ['755', path], { mustSucceed: true });
}

async function runOrExplain(program: string, args: readonly string[]): Promise<void> {
  try {
    await runProgram(program, args, { mustSucceed: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new NotMeasurable(`XFS with reflink cannot be mounted: ${why}`);
  }
}
