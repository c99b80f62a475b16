import { type ChildProcess, spawn } from 'node:child_process';
import type { BelayError, ErrorCode } from '../errors.js';
import {
  abortFailure,
  describeEnd,
  type FailureFacts,
  failure,
  type ProgramFailure,
  startFailure,
} from './program-failure.js';

export interface ProgramOptions {
  readonly cwd?: string | undefined;
  /** The child's whole environment; the parent's where undefined. The only place for secrets. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Run as this user and group; needs root. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Written to the child's stdin, which is then closed. Without it stdin is empty. */
  readonly input?: string | Uint8Array | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Limit for stdout and for stderr, each; default 16 MiB. More than that is an error. */
  readonly maxOutputBytes?: number | undefined;
  /** Makes an exit code other than 0, or an end by a signal, an error. */
  readonly mustSucceed?: boolean | undefined;
  /** The code of the error for whatever goes wrong; default BUG: a failure nobody foresaw. */
  readonly errorCode?: ErrorCode | undefined;
  readonly errorHint?: string | undefined;
}

export interface ProgramResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Null where a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly durationMs: number;
}

const defaultMaxOutputBytes = 16 * 1024 * 1024;
/** How long a child that was asked to end may take before it is killed. */
const graceMs = 1_000;

/** Asks a child to end, then makes it. Kill is repeated after a grace time: SIGTERM can be ignored. */
export function endChild(child: ChildProcess): void {
  child.kill('SIGTERM');
  setTimeout(() => {
    child.kill('SIGKILL');
    // A grandchild may still hold the pipes open; without this `close` would wait for it.
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, graceMs).unref();
}

function collect(stream: NodeJS.ReadableStream, limit: number, tooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
    else tooMuch();
  });
  stream.on('error', () => {});
  return () => Buffer.concat(chunks).toString('utf8');
}

export function spawnChild(
  file: string,
  args: readonly string[],
  options: Pick<ProgramOptions, 'cwd' | 'env' | 'uid' | 'gid'> & { detached?: boolean },
) {
  return spawn(file, [...args], {
    cwd: options.cwd,
    env: options.env ?? process.env,
    uid: options.uid,
    gid: options.gid,
    detached: options.detached ?? false,
    shell: false,
    windowsHide: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/**
 * Runs a program to its end and collects what it prints. Never uses a shell, so arguments need no
 * quoting and cannot be misread. Secrets belong into `env` or `input`, never into `args`.
 *
 * @returns the output and how it ended; a non-zero exit is an error only with `mustSucceed`
 * @throws BelayError with `errorCode` and `details.reason` (see ProgramFailure); INTERRUPTED when
 * the signal was aborted
 */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const startedAt = performance.now();
  const facts = { file, startedAt, options };
  if (options.signal?.aborted) throw abortFailure(facts);
  return new Promise((resolve, reject) => {
    let child: ReturnType<typeof spawnChild>;
    try {
      child = spawnChild(file, args, options);
    } catch (error) {
      reject(startFailure(error as NodeJS.ErrnoException, facts));
      return;
    }
    let ended: ProgramFailure | undefined;
    const end = (reason: ProgramFailure) => {
      if (ended) return;
      ended = reason;
      endChild(child);
    };
    const limit = options.maxOutputBytes ?? defaultMaxOutputBytes;
    const stdout = collect(child.stdout, limit, () => end('too-much-output'));
    const stderr = collect(child.stderr, limit, () => end('too-much-output'));
    const timer = options.timeoutMs && setTimeout(() => end('timeout'), options.timeoutMs);
    const onAbort = () => end('aborted');
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const tidy = () => {
      if (timer) clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    };
    // A child that ends without reading its input closes the pipe: its exit code says more than EPIPE.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => {
      tidy();
      reject(startFailure(error, facts));
    });
    child.on('close', (exitCode, signal) => {
      tidy();
      const durationMs = performance.now() - startedAt;
      const result = { stdout: stdout(), stderr: stderr(), exitCode, signal, durationMs };
      const problem = problemOf(result, ended, facts);
      if (problem) reject(problem);
      else resolve(result);
    });
  });
}

function problemOf(
  result: ProgramResult,
  ended: ProgramFailure | undefined,
  facts: FailureFacts & { readonly options: ProgramOptions },
): BelayError | undefined {
  const { exitCode, signal, stderr } = result;
  const all = { ...facts, exitCode, signal, stderr };
  switch (ended) {
    case 'timeout':
      return failure('timeout', `took longer than ${facts.options.timeoutMs} ms`, all);
    case 'aborted':
      return abortFailure(all);
    case 'too-much-output':
      return failure('too-much-output', 'printed more than Belay reads', { ...all, stderr: '' });
    default:
  }
  if (!facts.options.mustSucceed || exitCode === 0) return undefined;
  return failure('exit', describeEnd(exitCode, signal), all);
}

export interface DetachedOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Open file descriptor that receives stdout and stderr. */
  readonly outputFd: number;
}

/** A program that outlives the command that started it. */
export interface DetachedProgram {
  readonly pid: number;
  /** How it ended, or undefined while it runs; a string for a failure to start it at all. */
  ended(): { exitCode: number | null; signal: NodeJS.Signals | null } | undefined;
}

/**
 * Starts a program in its own session, so that neither the end of this process nor a Ctrl-C in its
 * terminal ends it.
 *
 * @throws BelayError LOCAL_SERVER_FAILED where it cannot be started
 */
export async function startDetached(
  file: string,
  args: readonly string[],
  options: DetachedOptions,
): Promise<DetachedProgram> {
  const startedAt = performance.now();
  const child = spawn(file, [...args], {
    cwd: options.cwd,
    env: options.env,
    uid: options.uid,
    gid: options.gid,
    detached: true,
    shell: false,
    windowsHide: true,
    stdio: ['ignore', options.outputFd, options.outputFd],
  });
  let end: ReturnType<DetachedProgram['ended']>;
  child.on('exit', (exitCode, signal) => {
    end = { exitCode, signal };
  });
  const pid = await new Promise<number>((resolve, reject) => {
    child.on('error', (error) =>
      reject(
        startFailure(error, { file, startedAt, options: { errorCode: 'LOCAL_SERVER_FAILED' } }),
      ),
    );
    child.on('spawn', () => resolve(child.pid as number));
  });
  child.unref();
  return { pid, ended: () => end };
}
