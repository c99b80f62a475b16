import path from 'node:path';
import type {
  RehearsalError,
  RehearsedLock,
  RehearsedStatement,
  UntouchedProof,
} from '../../domain/rehearsal.js';
import { BelayError } from '../../errors.js';
import type { DeclarativeOptions } from '../plan/declarative-script.js';
import type { Target } from '../target/open-target.js';
import type { WorkOptions } from '../target/work.js';
import type { RehearsalCopies } from './copies.js';
import { describeInput, readRehearsalInput } from './read-files.js';
import { runFiles } from './run-files.js';
import { type CommandOptions, checkCommand, runOnCopy } from './run-on-copy.js';
import { startWatch } from './watch-target.js';

/** What is rehearsed: a command, or files of SQL. */
export interface MigrationOrder
  extends Pick<WorkOptions, 'signal' | 'reporter'>,
    Pick<DeclarativeOptions, 'renames' | 'noRenames' | 'askRenames'>,
    CommandOptions {
  readonly command?: readonly [string, ...string[]] | undefined;
  /** Files, one folder, `OLD:NEW`, or a text; none: what is pending in the project. */
  readonly inputs?: readonly string[] | { readonly stdin: string | Uint8Array } | undefined;
}

/** What running it gave. */
export interface MigrationRun {
  readonly command: string | null;
  readonly file: string | null;
  readonly exitCode: number;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** Null: they are known from samples only. */
  readonly statements: readonly RehearsedStatement[] | null;
  /** Those that are known exactly. */
  readonly locks: readonly RehearsedLock[];
  readonly errors: readonly RehearsalError[];
  readonly untouched: UntouchedProof;
  readonly notes: readonly string[];
}

/** A migration that is read and found complete. */
export interface PreparedRun {
  /** For people. */
  readonly what: string;
  runOn(copies: RehearsalCopies): Promise<MigrationRun>;
}

/**
 * Reads what is to be rehearsed, and looks for what would keep it from being run, before a copy is made.
 * @throws BelayError USAGE, FILE_ERROR, BAD_MIGRATION, MIGRATIONS_NOT_FOUND, TOOL_MISSING, COMMAND_NOT_ISOLATED
 */
export async function prepareRun(target: Target, order: MigrationOrder): Promise<PreparedRun> {
  const { command, inputs = [] } = order;
  if (!command) return prepareFiles(target, order);
  if (!Array.isArray(inputs) || inputs.length > 0) {
    throw new BelayError('USAGE', 'either files or a command is rehearsed, not both', {
      hint: 'Files stand before "--", a command behind it.',
    });
  }
  await checkCommand(target, command, order);
  const what = path.basename(command[0]);
  return { what, runOn: (copies) => runCommandOn(target, copies, command, order) };
}

async function runCommandOn(
  target: Target,
  { admin, settings, after: database }: RehearsalCopies,
  command: readonly [string, ...string[]],
  order: MigrationOrder,
): Promise<MigrationRun> {
  const ran = await runOnCopy(target, { admin, settings, database }, command, order);
  const { exitCode, timedOut, durationMs, untouched, notes } = ran;
  const failure = timedOut
    ? `it did not end within ${order.timeoutMs} ms, and was ended`
    : `it ended with ${ran.signal ?? `exit code ${exitCode}`}`;
  const error = { message: failure, sqlState: null, line: null, statement: null };
  return {
    // Arguments may be secrets.
    ...{ command: path.basename(command[0]), file: null },
    ...{ exitCode, timedOut, durationMs, untouched, statements: null, locks: [] },
    errors: exitCode === 0 && !timedOut ? [] : [error],
    notes,
  };
}

async function prepareFiles(target: Target, order: MigrationOrder): Promise<PreparedRun> {
  const { inputs: input = [], signal, reporter, timeoutMs } = order;
  const read = await readRehearsalInput(target, { ...order, input });
  const what = describeInput(input);
  return {
    what,
    runOn: async (copies) => {
      const watch = await startWatch(target);
      const session = await copies.openAfter();
      const helper = await copies.openAdmin();
      try {
        const { isShared } = copies;
        const limits = { helper, isShared, signal, reporter, timeoutMs };
        const ran = await runFiles(session, read, limits);
        await session.close();
        return { ...ran, command: null, file: what, untouched: await watch.finish() };
      } catch (error) {
        await watch.cancel().catch(() => {});
        throw error;
      }
    },
  };
}
