import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type PostmasterFile, parsePostmasterFile } from './postmaster-file.js';
import { runProgram } from './run.js';

export interface PostmasterState {
  /** A process that serves this data directory exists; it may still be starting or stopping. */
  readonly running: boolean;
  /** What `postmaster.pid` says, also where it is left over from a server that is gone. */
  readonly file: PostmasterFile | null;
}

/** Whether a process exists. One of another user counts: the signal is refused, not lost. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The working directory of a process on Linux, where it may be read. A server's is its data directory. */
async function workingDirectory(pid: number): Promise<string | undefined> {
  return readlink(`/proc/${pid}/cwd`).catch(() => undefined);
}

async function isZombie(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return /\)\s+[ZX]/.test(text);
}

/**
 * Whether a living pid is the server of this data directory and not a process that got the same
 * number later, after a reboot or in a restarted container.
 */
async function servesDataDirectory(pid: number, dataDir: string): Promise<boolean> {
  if (process.platform === 'linux') {
    if (await isZombie(pid)) return false;
    const cwd = await workingDirectory(pid);
    return cwd === (await realpath(dataDir).catch(() => dataDir));
  }
  if (process.platform === 'win32') return true;
  const result = await runProgram('ps', ['-o', 'comm=', '-p', String(pid)], {
    timeoutMs: 5_000,
  }).catch(() => undefined);
  return result === undefined || /postgres|postmaster/.test(result.stdout);
}

/** Whether a process exists and still does something: a zombie only waits to be counted. */
export async function isRunning(pid: number): Promise<boolean> {
  return isAlive(pid) && !(await isZombie(pid));
}

/** Looks whether a server runs on a data directory. A missing directory has none. */
export async function readPostmasterState(dataDir: string): Promise<PostmasterState> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const file = parsePostmasterFile(text);
  if (!file) return { running: false, file: null };
  const running = isAlive(file.pid) && (await servesDataDirectory(file.pid, dataDir));
  return { running, file };
}

/**
 * Processes that work in a data directory, on Linux; empty elsewhere. After `kill -9` of a
 * postmaster its children linger for a moment, and no new server may start beside them.
 */
export async function findProcessesIn(dataDir: string): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const real = await realpath(dataDir).catch(() => dataDir);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    if ((await workingDirectory(pid)) !== real) continue;
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    // A shell that a user left in the folder is not a server.
    if (/^postgres|^postmaster/.test(name) && !(await isZombie(pid))) found.push(pid);
  }
  return found;
}

/**
 * Removes a left-over `postmaster.pid` whose number now belongs to another program, which is usual in
 * restarted containers and would make the server refuse for ever. Only where it is certain that no
 * process of the old server lives: the file is what keeps two servers off one data directory.
 */
export async function forgetReusedPid(dataDir: string): Promise<void> {
  if (process.platform !== 'linux') return;
  const { running, file } = await readPostmasterState(dataDir);
  // A number that nobody has is recognised by the server itself.
  if (running || !file || !isAlive(file.pid)) return;
  if ((await findProcessesIn(dataDir)).length > 0) return;
  await rm(join(dataDir, 'postmaster.pid'), { force: true });
}
