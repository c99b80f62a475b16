import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants as systemConstants } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { interruption } from './interruption.js';
import {
  type CommandProcesses,
  endCommand,
  killCommand,
  markerVariable,
  readStartTicks,
  settleCommand,
} from './isolated-processes.js';
import { type CommandEnd, type CommandOptions, missingCommand } from './run-command.js';

export interface IsolatedOptions extends CommandOptions {
  /** After that the command is ended. Default: no limit. */
  readonly timeoutMs?: number | undefined;
  /** Between asking its processes to end and killing them; default 5 s. */
  readonly graceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What its processes are known by; default: a random one. */
  readonly marker?: string | undefined;
  /** Called when it runs: by this its processes can be found while it does. */
  readonly onStart?: ((processes: CommandProcesses) => void) | undefined;
}

export interface IsolatedEnd extends CommandEnd {
  readonly timedOut: boolean;
  /** Processes that the command left running when it ended by itself. They were ended. */
  readonly leftBehind: number;
  /** Processes that could not be ended, by their ids. */
  readonly survivors: readonly number[];
}

const defaultGraceMs = 5_000;
/** What a command's helpers (a compiler's service, a pipe's other end) take to notice that it is gone. */
const settleMs = 500;

/** A value for {@link markerVariable} that no other command has. */
export const newMarker = (): string => randomBytes(9).toString('hex');

/**
 * Runs a command in a process group and session of its own and leaves nothing of it behind: at the time limit, at an
 * abort and after its end all its processes are ended, also those that went on in the background. No shell: every
 * word arrives as it was given. stdin is empty and there is no terminal to ask on.
 *
 * @example
 * const { exitCode, leftBehind } = await runIsolated(['npm', 'run', 'migrate'], { cwd, env, stdout: 'stderr' });
 * @throws BelayError TOOL_MISSING where it cannot be started; INTERRUPTED, TERMINATED where the signal was aborted
 */
export async function runIsolated(
  command: readonly [string, ...string[]],
  options: IsolatedOptions,
): Promise<IsolatedEnd> {
  const { graceMs = defaultGraceMs, signal, marker = newMarker() } = options;
  if (signal?.aborted) throw interruption(signal.reason, `running ${command[0]}`);
  const startedAt = performance.now();
  // Before it is started: a signal that comes just then would leave it behind.
  const guard = guardCommand();
  try {
    const child = await startIsolated(command, options, marker, guard.take);
    const processes = guard.taken() ?? { group: null, marker };
    options.onStart?.(processes);
    const why = await endOrReason(child, options);
    const asked = why === 'ended' ? null : endAll(child, processes, graceMs);
    // One that waits for a dead disk cannot even be killed: then what is known must do.
    if (asked) await Promise.race([exitOf(child), asked.then(() => wait(settleMs))]);
    const durationMs = Math.round(performance.now() - startedAt);
    const left = asked ? [] : await settleCommand(processes, settleMs);
    const survivors = await (asked ?? endCommand(processes, graceMs));
    const end = endOf(child);
    if (why === 'aborted') throw interruption(signal?.reason, `running ${command[0]}`);
    return { ...end, durationMs, timedOut: why === 'timeout', leftBehind: left.length, survivors };
  } finally {
    guard.end();
  }
}

function endAll(child: ChildProcess, processes: CommandProcesses, graceMs: number) {
  // Without groups there is only the command itself.
  if (process.platform === 'win32') child.kill('SIGKILL');
  return endCommand(processes, graceMs);
}

function startIsolated(
  [name, ...args]: readonly [string, ...string[]],
  { cwd, env, stdout }: CommandOptions,
  marker: string,
  take: (processes: CommandProcesses) => void,
): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(missingCommand(name, error as NodeJS.ErrnoException));
    try {
      const child = spawn(name, args, {
        cwd,
        env: { ...env, [markerVariable]: marker },
        // A group that is not the terminal's foreground one would be stopped at the first read from it.
        stdio: ['ignore', stdout === 'stderr' ? 2 : 'inherit', 'inherit'],
        shell: false,
        detached: process.platform !== 'win32',
        windowsHide: true,
      });
      if (child.pid !== undefined) {
        take({ group: child.pid, marker, startTicks: readStartTicks(child.pid) });
      }
      child.once('error', fail);
      child.once('spawn', () => resolve(child));
    } catch (error) {
      // E.g. a NUL in an argument.
      fail(error);
    }
  });
}

/** What comes first: the command's own end, the time limit, or an abort. */
function endOrReason(
  child: ChildProcess,
  { timeoutMs, signal }: IsolatedOptions,
): Promise<'ended' | 'timeout' | 'aborted'> {
  return new Promise((resolve) => {
    const timer =
      timeoutMs === undefined ? undefined : setTimeout(() => come('timeout'), timeoutMs);
    const onAbort = () => come('aborted');
    const onExit = () => come('ended');
    const come = (what: 'ended' | 'timeout' | 'aborted') => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      child.removeListener('exit', onExit);
      resolve(what);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    child.once('exit', onExit);
    if (hasEnded(child)) come('ended');
    else if (signal?.aborted) come('aborted');
  });
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

async function exitOf(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) await new Promise((resolve) => child.once('exit', resolve));
}

function endOf({ exitCode, signalCode }: ChildProcess): Omit<CommandEnd, 'durationMs'> {
  const signal = signalCode ?? (exitCode === null ? 'SIGKILL' : null);
  return { exitCode: signal ? 128 + systemConstants.signals[signal] : (exitCode ?? 1), signal };
}

/**
 * A group of its own gets neither the terminal's Ctrl-C nor its hangup, so it would outlive this process. Where
 * somebody handles those, the abort signal comes from there; where nobody does, they end this process here.
 */
function guardCommand() {
  let taken: CommandProcesses | null = null;
  const kill = () => {
    if (taken) killCommand(taken);
  };
  const onSignal = (name: NodeJS.Signals) => {
    if (process.listenerCount(name) > 1) return;
    kill();
    end();
    process.kill(process.pid, name);
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const end = () => {
    process.removeListener('exit', kill);
    for (const name of names) process.removeListener(name, onSignal);
  };
  process.on('exit', kill);
  for (const name of names) process.on(name, onSignal);
  return {
    end,
    taken: () => taken,
    take: (processes: CommandProcesses) => {
      taken = processes;
    },
  };
}
