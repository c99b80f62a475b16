import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { MigrationScript } from '../domain/migration.js';
import type { Reporter } from '../domain/reporter.js';
import { BelayError } from '../errors.js';
import { belaySource } from '../features/migration/belay-source.js';
import { redactUrl } from '../postgres/redact-url.js';
import { runScript } from '../postgres/run-script.js';
import { Session } from '../postgres/session.js';
import { type ConnectionSettings, connectionUrl } from '../postgres/settings.js';
import { lastLines } from '../process/program-failure.js';
import { runProgram } from '../process/run.js';
import { findFiles } from './file-patterns.js';
import type { TestDatabaseStep } from './options.js';

/** A step that was looked at: what it is made of, and how it is done. */
export interface PreparedStep {
  /** Changes when the step would do something else. */
  readonly identity: readonly string[];
  apply(settings: ConnectionSettings): Promise<void>;
}

export interface StepContext {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly reporter: Reporter;
}

const commandTimeoutMs = 10 * 60_000;
const applicationName = 'belay test databases';

/** @throws BelayError USAGE, MIGRATIONS_NOT_FOUND, BAD_MIGRATION, FILE_ERROR */
export async function prepareStep(
  step: TestDatabaseStep,
  context: StepContext,
): Promise<PreparedStep> {
  if (typeof step === 'string') return preparePath(step, context);
  if ('sql' in step) {
    const script = { file: 'the SQL of the test databases', line: 1, sql: step.sql };
    return scripts([{ ...script, inTransaction: true }], ['sql', step.sql], context);
  }
  if ('command' in step) return prepareCommand(step, context);
  return prepareFunction(step, context);
}

async function preparePath(place: string, context: StepContext): Promise<PreparedStep> {
  const { cwd } = context;
  const known = await stat(path.resolve(cwd, place)).catch(() => undefined);
  if (!known) {
    throw new BelayError('MIGRATIONS_NOT_FOUND', `there is no ${place} in ${cwd}`, {
      hint: 'Name a folder of SQL migrations or a .sql file; paths start at the working directory.',
      details: { directory: place },
    });
  }
  if (known.isFile()) return prepareFile(place, context);
  const files = await belaySource({ cwd, directory: place }).readFiles();
  if (files.length === 0) {
    throw new BelayError('MIGRATIONS_NOT_FOUND', `there are no migrations in ${place}`, {
      hint: 'Of another tool, give its command: migrations: { command: ["npx", "prisma", "migrate", "deploy"], files: ["prisma/**"] }.',
      details: { directory: place },
    });
  }
  const ups = files.flatMap(({ up }) => (up ? [up] : []));
  const identity = files.flatMap(({ version, checksum }) => [version, checksum ?? '']);
  return scripts(ups, ['folder', ...identity], context);
}

async function prepareFile(file: string, context: StepContext): Promise<PreparedStep> {
  const text = await readFile(path.resolve(context.cwd, file), 'utf8');
  // Newer versions of pg_dump write these two lines for psql; blank, so that the lines keep their numbers.
  const sql = text.replace(/^\uFEFF/, '').replace(/^\\(?:un)?restrict .*$/gm, '');
  return scripts([{ file, line: 1, sql, inTransaction: true }], ['file', sql], context);
}

function scripts(
  all: readonly MigrationScript[],
  identity: readonly string[],
  { reporter }: StepContext,
): PreparedStep {
  const apply = async (settings: ConnectionSettings) => {
    const session = await Session.open(settings, { applicationName });
    try {
      for (const script of all) await runScript(session, script, { reporter });
    } finally {
      await session.close();
    }
  };
  return { identity, apply };
}

async function contentsOf(cwd: string, patterns: readonly string[]): Promise<string[]> {
  const files = await findFiles(cwd, patterns);
  const read = files.map(async (file) => [
    file,
    (await readFile(path.resolve(cwd, file))).toString('base64'),
  ]);
  return (await Promise.all(read)).flat();
}

async function prepareCommand(
  step: Extract<TestDatabaseStep, { command: unknown }>,
  context: StepContext,
): Promise<PreparedStep> {
  const { command, files, variable = 'DATABASE_URL', env = {} } = step;
  const named = Object.entries(env).flat();
  const contents = await contentsOf(context.cwd, files);
  return {
    identity: ['command', ...command, '', variable, ...named, '', ...contents],
    apply: (settings) => runStepCommand(step, context, settings),
  };
}

async function runStepCommand(
  step: Extract<TestDatabaseStep, { command: unknown }>,
  { cwd, env }: StepContext,
  settings: ConnectionSettings,
): Promise<void> {
  const [program, ...args] = step.command;
  const { variable = 'DATABASE_URL', timeoutMs = commandTimeoutMs } = step;
  const url = connectionUrl(settings, { withPassword: true });
  const done = await runProgram(program, args, {
    ...{ cwd, timeoutMs, errorCode: 'MIGRATION_FAILED' },
    env: { ...env, ...step.env, [variable]: url },
    errorHint: 'The command is a program and its arguments; no shell is involved.',
  });
  if (done.exitCode === 0) return;
  const said = lastLines(`${done.stdout}\n${done.stderr}`).trim();
  const hidden = settings.password ? said.replaceAll(settings.password, '***') : said;
  const end = done.signal ? `was ended by ${done.signal}` : `ended with exit code ${done.exitCode}`;
  throw new BelayError(
    'MIGRATION_FAILED',
    `${step.command.join(' ')} ${end}: ${redactUrl(hidden) || 'it printed nothing'}`,
    {
      hint: 'No template was made, and nothing of it is left on the server. Correct the migration and run the tests again.',
      details: { command: program, exitCode: done.exitCode },
    },
  );
}

async function prepareFunction(
  { run, key, files }: Extract<TestDatabaseStep, { run: unknown }>,
  { cwd }: StepContext,
): Promise<PreparedStep> {
  if (key === undefined && files === undefined) {
    throw new BelayError('USAGE', 'a function that migrates test databases has no key', {
      hint: 'Give it `key` or `files`: Belay makes a new template when these change, as it cannot look into the function.',
    });
  }
  const contents = files === undefined ? [] : await contentsOf(cwd, files);
  return {
    identity: ['run', key ?? '', ...contents],
    apply: async (settings) => {
      await run(connectionUrl(settings, { withPassword: true }));
    },
  };
}
