import { Readable, Writable } from 'node:stream';
import { BelayError, type ErrorCode } from '../errors.js';
import {
  abortFailure,
  describeEnd,
  type FailureFacts,
  failure,
  type ProgramFailure,
  startFailure,
} from './program-failure.js';
import { endChild, type ProgramResult, spawnChild } from './run.js';

export interface StreamOptions {
  /** The child's whole environment. The only place for secrets. */
  readonly env: NodeJS.ProcessEnv;
  /** Default "none": empty. */
  readonly stdin?: 'pipe' | 'none' | undefined;
  /** "collect": as text in the result, up to 16 MiB. Default "pipe". */
  readonly stdout?: 'pipe' | 'collect' | undefined;
  /**
   * Limit for the time in which the reader of `stdout` waits and nothing comes, on stderr neither. A program that is
   * stopped or hangs is found by it; while the reader itself is slow the clock stands.
   */
  readonly idleMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly errorCode?: ErrorCode | undefined;
  readonly errorHint?: string | undefined;
  readonly cwd?: string | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface StreamedResult extends ProgramResult {
  /** Why it was no success; null: exit code 0. */
  readonly failure: BelayError | null;
}

export interface StreamedProgram {
  /** Ends only after the program has ended with exit code 0; errors with the failure otherwise. */
  readonly stdout: Readable;
  /**
   * Null without `stdin: "pipe"`. Errors with the program's failure, not with a broken pipe; what a program leaves
   * unread and still succeeds is dropped. Destroying it stops the program, which never sees that as an end of input.
   */
  readonly stdin: Writable | null;
  /** Never rejects: see `failure`. */
  readonly ended: Promise<StreamedResult>;
  /** Ends the program; its failure is then the reason. */
  stop(reason?: BelayError): void;
}

const maxStderrBytes = 64 * 1024;
const outputBufferBytes = 256 * 1024;
const maxCollectedBytes = 16 * 1024 * 1024;

/** The last bytes of a stream as text: pg_restore can print a line for every object. */
function keepTail(stream: Readable, limitBytes: number, onData: () => void): () => string {
  let tail = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    onData();
    tail = Buffer.concat([tail, chunk]).subarray(-limitBytes);
  });
  stream.on('error', () => {});
  return () => tail.toString('utf8');
}

/** Runs out when nothing happens for too long while it runs. */
class IdleClock {
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #activity = 0;
  readonly #limitMs: number | undefined;
  readonly #onIdle: () => void;

  constructor(limitMs: number | undefined, onIdle: () => void) {
    this.#limitMs = limitMs;
    this.#onIdle = onIdle;
  }

  start(): void {
    this.#running = true;
    this.touch();
  }

  stop(): void {
    this.#running = false;
    this.#activity += 1;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  touch(): void {
    this.#activity += 1;
    if (!this.#running || this.#limitMs === undefined) return;
    if (this.#timer) this.#timer.refresh();
    else this.#timer = setTimeout(() => this.#expire(), this.#limitMs);
  }

  #expire(): void {
    this.#timer = undefined;
    const seen = this.#activity;
    // Where this process itself was held up, what came meanwhile is read only after its timers.
    setImmediate(() => setImmediate(() => seen === this.#activity && this.#onIdle()));
  }
}

type Child = ReturnType<typeof spawnChild>;
type Reason = Extract<ProgramFailure, 'silent' | 'aborted' | 'stopped' | 'too-much-output'>;

const whatHappened = (reason: Exclude<Reason, 'aborted'>, idleMs = 0): string =>
  ({
    silent: `printed nothing for ${idleMs / 1000} s and was ended`,
    stopped: 'was stopped: it was not needed any more',
    'too-much-output': 'printed more than Belay reads',
  })[reason];

/** One run of a program, from its start to its end. */
class Run implements StreamedProgram {
  readonly stdout: Readable;
  readonly stdin: Writable | null;
  readonly ended: Promise<StreamedResult>;
  readonly #options: StreamOptions;
  readonly #facts: FailureFacts;
  readonly #clock: IdleClock;
  readonly #onAbort = () => this.#end('aborted');
  #child: Child | undefined;
  #over = false;
  #endedFor: Reason | undefined;
  #stopReason: BelayError | undefined;
  #settle: (result: StreamedResult) => void = () => {};

  constructor(file: string, args: readonly string[], options: StreamOptions) {
    this.#options = options;
    this.#facts = { file, startedAt: performance.now(), options };
    this.#clock = new IdleClock(options.idleMs, () => this.#end('silent'));
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.stdout = this.#makeOutput();
    this.stdin = options.stdin === 'pipe' ? this.#makeInput() : null;
    if (options.signal?.aborted) {
      this.#finishWith(abortFailure(this.#facts));
    } else this.#start(file, args);
  }

  stop(reason?: BelayError): void {
    this.#stopReason ??= reason;
    this.#end('stopped');
  }

  #start(file: string, args: readonly string[]): void {
    let child: Child;
    try {
      // In a session of its own: a Ctrl-C on the terminal is Belay's to handle, and a program that cannot reach the
      // terminal cannot ask there for a password either.
      child = spawnChild(file, args, { ...this.#options, detached: process.platform !== 'win32' });
    } catch (error) {
      this.#finishWith(startFailure(error as NodeJS.ErrnoException, this.#facts));
      return;
    }
    this.#child = child;
    this.#options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    child.stdin.on('error', () => {});
    if (!this.stdin) child.stdin.end();
    const stderr = keepTail(child.stderr, maxStderrBytes, () => this.#clock.touch());
    const stdout = this.#options.stdout === 'collect' ? this.#collect(child) : this.#relay(child);
    child.on('error', (error) => this.#finishWith(startFailure(error, this.#facts)));
    child.on('close', (exitCode, signal) => {
      const durationMs = performance.now() - this.#facts.startedAt;
      this.#finish({ stdout: stdout(), stderr: stderr(), exitCode, signal, durationMs });
    });
  }

  /** Passes on what the reader asks for, and nothing more: the pipe fills up and the program waits. */
  #relay(child: Child): () => string {
    child.stdout.pause();
    child.stdout.on('error', () => {});
    child.stdout.on('data', (chunk: Buffer) => {
      if (this.stdout.destroyed) return;
      if (this.stdout.push(chunk)) this.#clock.touch();
      else {
        this.#clock.stop();
        child.stdout.pause();
      }
    });
    return () => '';
  }

  #collect(child: Child): () => string {
    const tail = keepTail(child.stdout, maxCollectedBytes, () => this.#clock.touch());
    let sizeBytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > maxCollectedBytes) this.#end('too-much-output');
    });
    return tail;
  }

  #makeOutput(): Readable {
    const output = new Readable({
      highWaterMark: outputBufferBytes,
      read: () => {
        if (this.#over || this.#options.stdout === 'collect') return;
        this.#clock.start();
        this.#child?.stdout.resume();
      },
      destroy: (error, callback) => {
        this.stop();
        callback(error);
      },
    });
    // Whoever reads sees the failure; before somebody does, it must not end the process.
    output.on('error', () => {});
    return output;
  }

  #makeInput(): Writable {
    const settle = (callback: (error: Error | null) => void) =>
      this.ended.then((result) => callback(result.failure));
    const input = new Writable({
      write: (chunk, _encoding, callback) => {
        const target = this.#child?.stdin;
        if (!target || target.destroyed) settle(callback);
        else target.write(chunk, (error) => (error ? settle(callback) : callback()));
      },
      final: (callback) => {
        this.#child?.stdin.end();
        callback();
      },
      destroy: (error, callback) => {
        if (!input.writableFinished) this.stop(error instanceof BelayError ? error : undefined);
        callback(error);
      },
    });
    input.on('error', () => {});
    return input;
  }

  #end(reason: Reason): void {
    if (this.#over || this.#endedFor) return;
    this.#endedFor = reason;
    this.#clock.stop();
    if (!this.#child) return;
    // A program that is stopped or hangs does not hear a request.
    if (reason === 'silent') this.#child.kill('SIGKILL');
    endChild(this.#child);
  }

  #finish(result: ProgramResult): void {
    const facts = { ...this.#facts, ...result };
    if (this.#endedFor === 'aborted') this.#finishWith(abortFailure(facts), result);
    else if (this.#endedFor) {
      const what = whatHappened(this.#endedFor, this.#options.idleMs);
      this.#finishWith(this.#stopReason ?? failure(this.#endedFor, what, facts), result);
    } else if (result.exitCode === 0) this.#finishWith(null, result);
    else {
      const what = describeEnd(result.exitCode, result.signal);
      this.#finishWith(failure('exit', what, facts), result);
    }
  }

  #finishWith(failure: BelayError | null, result?: ProgramResult): void {
    if (this.#over) return;
    this.#over = true;
    this.#clock.stop();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    const durationMs = performance.now() - this.#facts.startedAt;
    const none = { stdout: '', stderr: '', exitCode: null, signal: null, durationMs };
    this.#settle({ ...none, ...result, failure });
    if (failure) {
      this.stdout.destroy(failure);
      this.stdin?.destroy(failure);
    } else this.stdout.push(null);
  }
}

/**
 * Runs a program whose output or input is too large to hold. Never uses a shell.
 *
 * A program that fails makes `stdout` fail, also when its last byte has come already: what is not whole must not look
 * whole. Give the reader all of it, by `pipeline` or `for await`.
 *
 * @example
 * const dump = streamProgram(pgDump.path, ['--format=custom'], { env, signal, errorCode: 'DUMP_FAILED' });
 * await pipeline(dump.stdout, createWriteStream('shop.dump'));
 */
export function streamProgram(
  file: string,
  args: readonly string[],
  options: StreamOptions,
): StreamedProgram {
  return new Run(file, args, options);
}
