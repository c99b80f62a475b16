import { type Command, Option } from 'commander';
import type { BackupChoice, DownStep, MigrationImpact } from '../../index.js';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import {
  describeDown,
  describeDownSteps,
  describeImpacts,
  describeMigrationStatus,
  describeNewMigration,
  describeUp,
} from '../output/describe-migration.js';
import { askForBackup, confirmDown } from './confirm.js';
import { allowProductionOption, countTimeoutOption } from './options.js';
import { readConfig } from './settings.js';

interface FolderOptions {
  readonly dir?: string;
}

interface RunOptions extends FolderOptions {
  readonly to?: string;
  readonly autoSnapshot?: boolean;
  readonly lockTimeout?: string;
  readonly countTimeout?: string;
}

interface UpOptions extends RunOptions {
  readonly dryRun?: boolean;
  readonly outOfOrder?: boolean;
  readonly allowMissing?: boolean;
  readonly backup?: BackupChoice;
}

interface DownOptions extends RunOptions {
  readonly allowProduction?: string;
}

export function addMigrateCommand(program: Command, bind: Bind): void {
  const migrate = program.command('migrate').description('the project’s own SQL migrations');
  addNew(migrate, bind);
  addStatus(migrate, bind);
  addUp(migrate, bind);
  addDown(migrate, bind);
}

const withDirectory = (command: Command): Command =>
  command.option(
    '--dir <folder>',
    'folder of the migrations (default: of the config, or migrations)',
  );

function withRunOptions(command: Command): Command {
  return withDirectory(command)
    .option('--no-auto-snapshot', 'record the checksum of each schema, not the schema')
    .option('--lock-timeout <duration>', 'how long a statement may wait for a lock (5s)');
}

function addNew(migrate: Command, bind: Bind): void {
  withDirectory(migrate.command('new'))
    .description('make the files of a migration')
    .argument('<name>', 'what it does, e.g. add_invoices')
    .action(
      bind<[string], FolderOptions>(async (context, { dir }, name) => {
        const { newMigration } = await import('../../index.js');
        const { cwd, env } = context.io;
        const made = await newMigration({ name, directory: dir, cwd, env });
        context.print(made, () => describeNewMigration(context.style, made));
      }),
    );
}

function addStatus(migrate: Command, bind: Bind): void {
  withDirectory(migrate.command('status'))
    .description('which migrations are applied, and which are not')
    .action(
      bind<[], FolderOptions>(async (context, { dir }) => {
        const status = await context.withTarget('migrate', (target, library) =>
          library.readMigrationStatus(target, { directory: dir }),
        );
        context.print(status, () => describeMigrationStatus(context.style, status));
      }),
    );
}

/** A mistake in the command is no matter of the server. */
async function runOptions({ to, dir, autoSnapshot, lockTimeout, countTimeout }: RunOptions) {
  const { BelayError, parseDuration } = await import('../../index.js');
  if (to?.trim() === '') throw new BelayError('USAGE', '--to needs a version');
  return {
    ...{ to, directory: dir, noAutoSnapshot: autoSnapshot === false ? true : undefined },
    lockTimeoutMs: lockTimeout === undefined ? undefined : parseDuration(lockTimeout),
    countTimeoutMs: countTimeout === undefined ? undefined : parseDuration(countTimeout),
  };
}

function addUp(migrate: Command, bind: Bind): void {
  withRunOptions(migrate.command('up'))
    .description('apply what is pending, each migration in one transaction')
    .option('--to <version>', 'the last one to apply')
    .option('--dry-run', 'check and list, run nothing')
    .option('--out-of-order', 'also those that come before one that is applied')
    .option('--allow-missing', 'also where applied ones have no file here')
    .addOption(
      new Option(
        '--backup <where>',
        'where records go that would be lost; asked on a terminal',
      ).choices(['none', 'files', 'database']),
    )
    .addOption(countTimeoutOption())
    .action(
      bind<[], UpOptions>(async (context, options) => {
        const { dryRun, outOfOrder: allowOutOfOrder, allowMissing } = options;
        const run = await runOptions(options);
        const backup = options.backup ?? (await readConfig(context))?.migrations?.backup;
        const result = await context.withTarget('migrate', (target, library) =>
          library.migrateUp(target, {
            ...context.work(library),
            ...{ ...run, dryRun, allowOutOfOrder, allowMissing, backup },
            countTimeoutMs: run.countTimeoutMs,
            chooseBackup: context.isInteractive
              ? (impacts) => showAndChoose(context, impacts)
              : undefined,
          }),
        );
        context.print(result, () => describeUp(context.style, result, context.io.stdout.columns));
      }),
    );
}

function addDown(migrate: Command, bind: Bind): void {
  withRunOptions(migrate.command('down'))
    .description('take the last migration back, or all after a version, by their down scripts')
    .option('--to <version>', 'the version to go back to; "0" is before the first')
    .addOption(allowProductionOption())
    .action(
      bind<[], DownOptions>(async (context, options) => {
        const { allowProduction } = options;
        const run = await runOptions(options);
        const result = await context.withTarget('migrate', (target, library) =>
          library.migrateDown(target, {
            ...context.work(library),
            ...{ ...run, allowProduction },
            confirm: (steps) => confirmSteps(context, steps),
          }),
        );
        context.print(result, () => describeDown(context.style, result));
      }),
    );
}

/** Shows what would be lost, and asks what to do about it. */
export function showAndChoose(context: CommandContext, impacts: readonly MigrationImpact[]) {
  context.progress.stop();
  context.io.stderr.write(
    `${describeImpacts(context.style, impacts, context.io.stderr.columns)}\n\n`,
  );
  return askForBackup(context);
}

/** Says what would be run and asks on a terminal; elsewhere only `--yes` is an answer. */
async function confirmSteps(context: CommandContext, steps: readonly DownStep[]): Promise<boolean> {
  if (context.options.yes) return true;
  if (!context.isInteractive) return false;
  context.progress.stop();
  context.io.stderr.write(`${describeDownSteps(context.style, steps)}\n`);
  return confirmDown(context, steps.length);
}
