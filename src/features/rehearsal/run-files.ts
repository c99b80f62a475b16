import type { RehearsalError, RehearsedLock, RehearsedStatement } from '../../domain/rehearsal.js';
import type { RunOptions } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../../postgres/pg-error.js';
import { readRelationNames } from '../../postgres/rehearsal/read-relation-names.js';
import { runScript } from '../../postgres/run-script.js';
import type { Session } from '../../postgres/session.js';
import { throwIfAborted } from '../target/work.js';
import { endingOnAbort } from './end-session.js';
import { FileRecorder } from './file-recorder.js';
import type { FileRun } from './file-statement.js';
import type { RehearsalInput } from './read-files.js';

export interface RunFilesOptions extends RunOptions {
  /** A session on the same server, from which a statement that takes too long is cancelled. */
  readonly helper: Session;
  /** For all files together, in milliseconds; default: none. */
  readonly timeoutMs?: number | undefined;
  /**
   * Others use the server too, which is the default: then a statement that reaches beyond its database, as CREATE ROLE does, is refused.
   */
  readonly isShared?: boolean | undefined;
}

/** What became of files that were run. */
export interface FilesRun {
  /** 0, or 1 where a statement failed or the time was up. */
  readonly exitCode: 0 | 1;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** Longest first; of very many the longest. Exact. */
  readonly statements: readonly RehearsedStatement[];
  /** Longest first. Exact; of statements that PostgreSQL lets in no transaction, and of blocks of code outside of one, none. */
  readonly locks: readonly RehearsedLock[];
  /** At most one: the first failure ends it. */
  readonly errors: readonly RehearsalError[];
  readonly notes: readonly string[];
}

/** A script of INSERTs has hundreds of thousands. */
const mostStatements = 500;

/**
 * Runs files of SQL in a database and times their statements and locks. Waits for locks are bounded as in `belay migrate up`. A
 * statement that fails is a result, not a failure; nothing after it is run.
 *
 * @param session in the database; under Belay's settings again afterwards, unless it had to be ended
 * @example
 * const input = await readRehearsalInput(target, { input: ['up.sql'] });
 * const { exitCode, errors } = await runFiles(session, input, { helper });
 * @throws BelayError COMMAND_NOT_ISOLATED before anything is run; INTERRUPTED; SERVER_UNREACHABLE
 */
export async function runFiles(
  session: Session,
  input: RehearsalInput,
  { helper, timeoutMs, isShared = true, ...options }: RunFilesOptions,
): Promise<FilesRun> {
  throwIfAborted(options.signal);
  if (isShared && input.serverWide) throw notIsolated(input.serverWide);
  const recorder = new FileRecorder(session, await readRelationNames(session));
  const startedAt = performance.now();
  const limits = { signal: options.signal, timeoutMs };
  const ran = await endingOnAbort(helper, session, limits, (signal) =>
    runAll(session, input.runs, recorder, { ...options, signal }),
  );
  const failure = ran.result;
  const timedOut = ran.timedOut && failure !== undefined;
  const durationMs = Math.round(performance.now() - startedAt);
  throwIfAborted(options.signal);
  const count = recorder.statements.length;
  const sorted = [...recorder.statements].sort((a, b) => b.durationMs - a.durationMs);
  const statements = sorted
    .slice(0, mostStatements)
    .map((one) => ({ ...one, durationMs: Math.round(one.durationMs * 100) / 100 }));
  const cut = `${count.toLocaleString('en-US')} statements were run; the longest ${mostStatements} are listed`;
  return {
    ...{ exitCode: failure ? 1 : 0, timedOut, durationMs, statements },
    locks: recorder.locks,
    errors: failure ? [errorOf(failure, recorder, timedOut ? timeoutMs : undefined)] : [],
    notes: [
      ...input.notes,
      ...(count > mostStatements ? [cut] : []),
      ...(failure?.hint ? [failure.hint] : []),
    ],
  };
}

/** @returns why not all were run; undefined: they were */
async function runAll(
  session: Session,
  runs: readonly FileRun[],
  recorder: FileRecorder,
  options: RunOptions,
): Promise<BelayError | undefined> {
  for (const { script, statements } of runs) {
    try {
      const hooks = recorder.hooksFor(statements);
      await runScript(session, script, { ...options, statements, hooks });
    } catch (error) {
      if (!(error instanceof BelayError) || error.code === 'BUG') throw error;
      return error;
    } finally {
      recorder.end();
    }
  }
  return undefined;
}

function errorOf(
  failure: BelayError,
  { current }: FileRecorder,
  timeoutMs: number | undefined,
): RehearsalError {
  const { details } = failure;
  const text = (name: string) => (typeof details[name] === 'string' ? `${details[name]}` : null);
  const detail = text('detail');
  const said = `${text('message') ?? failure.message}${detail === null ? '' : ` (${detail})`}`;
  // At the end of a file no statement is to blame.
  const isAtEnd = details.statement === null;
  return {
    message: timeoutMs === undefined ? said : `not done within ${timeoutMs} ms, and ended`,
    sqlState: sqlStateOf(failure) ?? null,
    line:
      typeof details.line === 'number' ? details.line : isAtEnd ? null : (current?.line ?? null),
    statement: text('statement'),
    file: current?.file ?? null,
  };
}

function notIsolated({ file, line, text }: NonNullable<RehearsalInput['serverWide']>): BelayError {
  return new BelayError(
    'COMMAND_NOT_ISOLATED',
    `${file}, line ${line}: this reaches beyond the copy, to what the whole server shares: ${text}`,
    {
      hint: 'Nothing was run. Put it into a file of its own, or rehearse on a private server: `--from checkpoint`.',
      details: { file, line },
    },
  );
}
