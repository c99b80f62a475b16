import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { runProgram } from './run.js';

/** The variable by which a command's processes are known, also those that have left its group. */
export const markerVariable = 'BELAY_REHEARSAL';

/** How the processes of one command are known. */
export interface CommandProcesses {
  /** The process group; null: none yet. */
  readonly group: number | null;
  /** The value of {@link markerVariable} in their environment. */
  readonly marker: string;
  /** When the first of them was started, in clock ticks; null: not known. Older ones need no look. */
  readonly startTicks?: number | null | undefined;
}

/** How often the list of processes is looked at while their end is waited for. */
const pollMs = 25;
/** A kill that the system does not carry out (a process that waits for a dead disk) is not waited for longer. */
const killWaitMs = 5_000;

const killRounds = 5;

const isLinux = process.platform === 'linux';

/**
 * The living processes of a command. On Linux all that are in its group or have its marker in their environment,
 * so that one that was started by `setsid` or `nohup` is found too; elsewhere only those of its group.
 */
export async function findCommandProcesses(command: CommandProcesses): Promise<number[]> {
  if (isLinux) return findOnLinux(command);
  if (process.platform === 'win32' || command.group === null) return [];
  return findByPs(command.group);
}

function findOnLinux({ group, marker, startTicks }: CommandProcesses): number[] {
  const sought = Buffer.from(`${markerVariable}=${marker}\0`);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isOfCommand(pid, { group, startTicks }, sought));
}

/** The fields of a process behind its name, which may hold spaces and parentheses. */
function readStat(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** When a process was started, in clock ticks since the boot. @returns null where the system does not tell */
export function readStartTicks(pid: number): number | null {
  try {
    return Number(readStat(pid)[19]);
  } catch {
    return null;
  }
}

function isOfCommand(
  pid: number,
  { group, startTicks }: Pick<CommandProcesses, 'group' | 'startTicks'>,
  sought: Buffer,
): boolean {
  try {
    const fields = readStat(pid);
    const [state, , ownGroup] = fields;
    if (state === 'Z' || state === 'X') return false;
    if (group !== null && Number(ownGroup) === group) return true;
    if (startTicks != null && Number(fields[19]) < startTicks) return false;
    const environment = readFileSync(`/proc/${pid}/environ`);
    return (
      environment.subarray(0, sought.length).equals(sought) ||
      environment.includes(Buffer.concat([Buffer.of(0), sought]))
    );
  } catch {
    // Gone meanwhile, or somebody else's: then it is not one that this user has started.
    return false;
  }
}

async function findByPs(group: number): Promise<number[]> {
  const { stdout } = await runProgram('ps', ['-A', '-o', 'pid=,pgid=,stat=']);
  return stdout.split('\n').flatMap((line) => {
    const [pid, ownGroup, state = 'Z'] = line.trim().split(/\s+/);
    return Number(ownGroup) === group && !state.startsWith('Z') ? [Number(pid)] : [];
  });
}

/** Sends a signal to every process of a command; those that are gone meanwhile don't matter. */
function signalAll(pids: readonly number[], group: number | null, signal: NodeJS.Signals): void {
  // The group at once first: between the list and the signals one could start others.
  if (group !== null && process.platform !== 'win32') send(-group, signal);
  for (const pid of pids) send(pid, signal);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone, or not ours to end.
  }
}

/** Kills what is there of a command, at once and without waiting: for the end of this process. */
export function killCommand(command: CommandProcesses): void {
  // Each time anew: one that is killed may have started another just before.
  for (let round = 0; round < killRounds; round += 1) {
    const found = isLinux ? findOnLinux(command) : [];
    if (isLinux && found.length === 0) return;
    signalAll(found, command.group, 'SIGKILL');
  }
}

async function waitForNone(command: CommandProcesses, limitMs: number): Promise<number[]> {
  const until = performance.now() + limitMs;
  for (;;) {
    const left = await findCommandProcesses(command);
    if (left.length === 0 || performance.now() >= until) return left;
    await wait(pollMs);
  }
}

/** Gives processes that are about to end by themselves the time for it. @returns those that stay */
export const settleCommand = (command: CommandProcesses, limitMs: number): Promise<number[]> =>
  waitForNone(command, limitMs);

/**
 * Ends every process of a command: asks with SIGTERM, and kills what is still there after the grace time.
 * @returns those that could not be ended, e.g. because another user runs them
 */
export async function endCommand(
  command: CommandProcesses,
  graceMs: number,
): Promise<readonly number[]> {
  const running = await findCommandProcesses(command);
  // A group without processes may be gone, and its number somebody else's.
  if (running.length === 0 && process.platform !== 'win32') return [];
  signalAll(running, command.group, 'SIGTERM');
  const stubborn = await waitForNone(command, graceMs);
  if (stubborn.length === 0) return [];
  const until = performance.now() + killWaitMs;
  let left = stubborn;
  while (left.length > 0 && performance.now() < until) {
    // Each time anew: one that is killed may have started another just before.
    signalAll(left, command.group, 'SIGKILL');
    await wait(pollMs);
    left = await findCommandProcesses(command);
  }
  return left;
}
