import path from 'node:path';
import type { RehearsalError } from '../../domain/rehearsal.js';
import type { ShadowMigration } from '../../domain/shadow.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import { describeInput, type RehearsalInput, readRehearsalInput } from '../rehearsal/read-files.js';
import { runFiles } from '../rehearsal/run-files.js';
import { checkCommand, runOnCopy } from '../rehearsal/run-on-copy.js';
import type { Target } from '../target/open-target.js';
import type { Work } from '../target/work.js';
import type { CreateShadowOptions } from './create-options.js';

/** What is to be run in the shadow: read and found complete before anything is made. */
export type PreparedMigration =
  | {
      readonly kind: Exclude<ShadowMigration['kind'], 'command'>;
      readonly name: string;
      readonly input: RehearsalInput;
    }
  | {
      readonly kind: 'command';
      readonly name: string;
      readonly command: readonly [string, ...string[]];
    };

/** What running it gave. */
export interface MigrationDone {
  /** In milliseconds. */
  readonly durationMs: number;
  readonly notes: readonly string[];
}

/**
 * Reads what is to be run in the shadow, and takes care that it can be. Without the target's lock: two schemas are compared under
 * one of their own.
 * @throws BelayError USAGE, FILE_ERROR, BAD_MIGRATION, RENAME_UNDECIDED, TOOL_MISSING, COMMAND_NOT_ISOLATED, …
 */
export async function prepareMigration(
  target: Target,
  options: CreateShadowOptions,
): Promise<PreparedMigration> {
  const { inputs = [], command } = options;
  if (command) {
    if (!Array.isArray(inputs) || inputs.length > 0) {
      throw new BelayError('USAGE', 'a shadow is made with files or with a command, not with both');
    }
    await checkCommand(target, command, options);
    // Arguments may be secrets.
    return { kind: 'command', name: path.basename(command[0]), command };
  }
  const input = await readRehearsalInput(target, { ...options, input: inputs });
  if (input.runs.length === 0 && input.kind !== 'declarative') {
    throw new BelayError('MIGRATIONS_NOT_FOUND', 'there is nothing to run in the shadow', {
      hint: 'Name files of SQL, a folder with pending migrations, OLD.sql:NEW.sql, or `-- COMMAND`.',
    });
  }
  const kind = input.kind === 'declarative' ? 'declarative' : 'files';
  return { kind, name: describeInput(inputs), input };
}

/**
 * Runs the migration in the copy that becomes the shadow.
 * @throws BelayError MIGRATION_FAILED; TARGET_TOUCHED where a command worked on the target itself
 */
export async function migrateShadow(
  work: Work,
  database: string,
  open: () => Promise<Session>,
  migration: PreparedMigration,
  options: CreateShadowOptions,
): Promise<MigrationDone> {
  if (migration.kind === 'command') return runCommand(work, database, migration.command, options);
  const session = await open();
  const { helper, signal, reporter } = work;
  const { timeoutMs } = options;
  try {
    const order = { helper, signal, reporter, timeoutMs };
    const { errors, durationMs, notes } = await runFiles(session, migration.input, order);
    const [error] = errors;
    if (error) throw failed(migration.name, error);
    return { durationMs, notes };
  } finally {
    // The statistics of what it has written reach the server when it ends.
    await session.close();
  }
}

function failed(
  name: string,
  error: RehearsalError & { readonly file?: string | null },
): BelayError {
  const { message, line, statement, sqlState, file } = error;
  const where = line === null ? (file ?? name) : `${file ?? name}, line ${line}`;
  return new BelayError('MIGRATION_FAILED', `${where}: ${message}`, {
    hint: 'The shadow was removed again; the target is as it was.',
    details: { line, statement, sqlState },
  });
}

async function runCommand(
  work: Work,
  database: string,
  command: readonly [string, ...string[]],
  options: CreateShadowOptions,
): Promise<MigrationDone> {
  const { main: admin, target, signal, reporter } = work;
  const copy = { admin, settings: target.settings, database };
  const order = { ...options, signal, reporter };
  const ran = await runOnCopy(target, copy, command, order);
  const name = path.basename(command[0]);
  const { untouched, timedOut, exitCode, copySessions, durationMs, notes } = ran;
  if (untouched.status === 'touched') {
    throw new BelayError(
      'TARGET_TOUCHED',
      `${name} worked on "${target.database}" itself: ${untouched.evidence.join(' ')}`,
      {
        hint: 'The shadow was removed again. Look at what the command did to the target; let it read the address from a variable.',
        details: { evidence: untouched.evidence },
      },
    );
  }
  const problem = timedOut
    ? `did not end within ${options.timeoutMs} ms`
    : exitCode !== 0
      ? `ended with ${ran.signal ?? `exit code ${exitCode}`}`
      : copySessions === 0
        ? 'never connected to the shadow'
        : null;
  if (problem === null) return { durationMs, notes };
  throw new BelayError('MIGRATION_FAILED', `${name} ${problem}`, {
    hint: 'The shadow was removed again; the target is as it was.',
    details: { exitCode, timedOut, notes },
  });
}
