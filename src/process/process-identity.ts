import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { isRunning } from './postmaster.js';
import { runProgram } from './run.js';

/** A process as a file can remember it: its number alone may be somebody else's later. */
export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** Changes with every start; null where the system does not tell. */
  readonly startedAt: string | null;
}

async function startOf(pid: number): Promise<string | null> {
  if (process.platform === 'win32') return null;
  if (process.platform !== 'linux') {
    const shown = await runProgram('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => null);
    return shown?.stdout.trim() || null;
  }
  const [stat, boot] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
  ]);
  // The name before may hold spaces and parentheses. The 20th field after it: clock ticks since the boot.
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return ticks ? `${boot.trim()} ${ticks}` : null;
}

/** This process. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  return { host: hostname(), pid: process.pid, startedAt: await startOf(process.pid) };
}

/** Whether the process lives; undefined for one of another host or container, which cannot be seen from here. */
export async function isStillRunning(identity: ProcessIdentity): Promise<boolean | undefined> {
  if (identity.host !== hostname()) return undefined;
  if (!(await isRunning(identity.pid))) return false;
  return identity.startedAt === null || identity.startedAt === (await startOf(identity.pid));
}
