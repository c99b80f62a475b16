import { basename } from 'node:path';
import { BelayError, type ErrorCode } from '../errors.js';
import { interruption } from './interruption.js';

/** What went wrong with a child, in `details.reason` of the error. */
export type ProgramFailure =
  | 'missing'
  | 'not-started'
  | 'timeout'
  | 'silent'
  | 'aborted'
  | 'stopped'
  | 'too-much-output'
  | 'exit';

/** What the caller says about errors. */
export interface FailureOptions {
  readonly errorCode?: ErrorCode | undefined;
  readonly errorHint?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The last lines of a text, for an error message. */
export function lastLines(text: string, count = 12): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

export interface FailureFacts {
  readonly file: string;
  readonly startedAt: number;
  readonly options: FailureOptions;
  readonly cause?: unknown;
  readonly stderr?: string;
  readonly exitCode?: number | null;
  readonly signal?: NodeJS.Signals | null;
}

export function failure(
  reason: Exclude<ProgramFailure, 'aborted'>,
  what: string,
  facts: FailureFacts,
): BelayError {
  const { file, options } = facts;
  const durationMs = Math.round(performance.now() - facts.startedAt);
  const said = facts.stderr?.trim() ? `: ${lastLines(facts.stderr, 5)}` : '';
  return new BelayError(options.errorCode ?? 'BUG', `${basename(file)} ${what}${said}`, {
    hint: options.errorHint,
    details: {
      command: file,
      reason,
      durationMs,
      exitCode: facts.exitCode ?? null,
      signal: facts.signal ?? null,
    },
    cause: facts.cause,
  });
}

export function abortFailure({ file, options }: FailureFacts): BelayError {
  return interruption(options.signal?.reason, `${basename(file)} was at work`);
}

export function startFailure(error: NodeJS.ErrnoException, facts: FailureFacts): BelayError {
  const missing = error.code === 'ENOENT';
  const what = missing
    ? 'cannot be run: the program, or the folder to run it in, is missing'
    : `cannot be run (${error.code ?? error.message})`;
  return failure(missing ? 'missing' : 'not-started', what, { ...facts, cause: error });
}

/** How a program ended, for a message. */
export function describeEnd(exitCode: number | null, signal: NodeJS.Signals | null): string {
  return signal ? `was ended by ${signal}` : `failed with exit code ${exitCode}`;
}
