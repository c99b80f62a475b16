import { spawn } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import { constants as systemConstants } from 'node:os';
import path from 'node:path';
import { BelayError } from '../errors.js';

export interface CommandOptions {
  readonly cwd: string;
  /** The command's whole environment. */
  readonly env: NodeJS.ProcessEnv;
  /** "stderr": what the command prints to stdout goes there, because stdout is for something else. */
  readonly stdout: 'stdout' | 'stderr';
}

export interface CommandEnd {
  /** The command's own; 128 and the number of the signal where one ended it, as shells have it. */
  readonly exitCode: number;
  readonly signal: NodeJS.Signals | null;
  readonly durationMs: number;
}

/**
 * Whether a command is there, before something long is done for it.
 * @throws BelayError TOOL_MISSING
 */
export async function requireCommand(
  name: string,
  { cwd, env }: Pick<CommandOptions, 'cwd' | 'env'>,
): Promise<void> {
  // There the names of programs have endings, and some are only known to a shell.
  if (process.platform === 'win32') return;
  const folders = name.includes('/') ? [''] : (env.PATH ?? '').split(path.delimiter);
  for (const folder of folders) {
    if (await isProgram(path.resolve(cwd, folder, name))) return;
  }
  throw missingCommand(name);
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/** The error for a command that cannot be started. */
export function missingCommand(name: string, cause?: NodeJS.ErrnoException): BelayError {
  const why = cause && cause.code !== 'ENOENT' ? ` (${cause.code})` : ': there is no such program';
  return new BelayError('TOOL_MISSING', `cannot run ${JSON.stringify(name)}${why}`, {
    hint: 'The command is a program and its arguments; no shell is involved. Is it on the PATH?',
    details: { command: name },
    cause,
  });
}

/**
 * Runs a command that the user has given, with this process's own stdin, stdout and stderr. No shell: every word
 * arrives as it was given. While it runs, an interruption is the command's to react to, and this waits for its end.
 *
 * @throws BelayError TOOL_MISSING where it cannot be started
 */
export async function runCommand(
  [name, ...args]: readonly [string, ...string[]],
  { cwd, env, stdout }: CommandOptions,
): Promise<CommandEnd> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    let giveBack = () => {};
    const fail = (error: unknown) => {
      giveBack();
      reject(missingCommand(name, error as NodeJS.ErrnoException));
    };
    try {
      const stdio = ['inherit', stdout === 'stderr' ? 2 : 'inherit', 'inherit'] as const;
      const child = spawn(name, args, { cwd, env, stdio: [...stdio], shell: false });
      giveBack = takeSignals((signal) => child.kill(signal));
      child.on('error', fail);
      child.on('exit', (code, signal) => {
        giveBack();
        const exitCode = signal ? 128 + systemConstants.signals[signal] : (code ?? 1);
        resolve({ exitCode, signal, durationMs: Math.round(performance.now() - startedAt) });
      });
    } catch (error) {
      // E.g. a NUL in an argument.
      fail(error);
    }
  });
}

/** Hands the signals that ask this process to end to somebody else, for a time. @returns ends that */
function takeSignals(handle: (signal: NodeJS.Signals) => void): () => void {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const before = names.map((name) => [name, process.listeners(name)] as const);
  const listener = (name: NodeJS.Signals) => {
    // A terminal has sent it to the command already; twice would mean "at once" to many programs.
    if (name === 'SIGTERM' || !process.stdin.isTTY) handle(name);
  };
  for (const name of names) process.removeAllListeners(name).on(name, listener);
  return () => {
    for (const [name, listeners] of before) {
      process.removeAllListeners(name);
      for (const one of listeners) process.on(name, one);
    }
  };
}
