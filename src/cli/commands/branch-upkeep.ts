import { type Command, Option } from 'commander';
import type { BackupChoice, GcLoss } from '../../index.js';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import {
  describeGc,
  describeGcLosses,
  describeSchemaStatus,
  describeUpdate,
} from '../output/describe-branch-upkeep.js';
import { nameOrCurrent } from './branch-make.js';
import { withRoot } from './branch-root.js';
import { ask } from './confirm.js';
import { showAndChoose } from './migrate.js';
import { countTimeoutOption, sessionsWaitOption } from './options.js';
import { readConfig } from './settings.js';

interface GcOptions {
  readonly dryRun?: boolean;
  readonly expired?: boolean;
  readonly grace?: string;
}

export function addBranchUpkeepCommands(branch: Command, bind: Bind): void {
  addGc(branch, bind);
  addStatus(branch, bind);
  addUpdate(branch, bind);
}

function addGc(branch: Command, bind: Bind): void {
  branch
    .command('gc')
    .description('remove branches that expired, are merged or deleted in git, or over the quota')
    .option('--dry-run', 'only show what would go')
    .option('--expired', 'only those whose time is over')
    .option('--grace <duration>', 'how long a merged one stays after its last use (1h)')
    .action(bind<[], GcOptions>(gc));
}

async function gc(context: CommandContext, options: GcOptions) {
  const result = await withRoot(context, 'branch gc', (root, library) =>
    library.gcBranches(root, {
      ...context.work(library),
      dryRun: options.dryRun,
      reasons: options.expired ? ['expired', 'lost'] : undefined,
      graceMs: options.grace === undefined ? undefined : library.parseDuration(options.grace),
      confirm: (losses) => confirm(context, losses),
    }),
  );
  context.print(result, () => describeGc(context.style, result));
}

async function confirm(context: CommandContext, losses: readonly GcLoss[]): Promise<boolean> {
  if (context.options.yes) return true;
  if (!context.isInteractive) return false;
  context.progress.stop();
  context.io.stderr.write(`${describeGcLosses(context.style, losses)}\n`);
  const what = losses.length === 1 ? 'this branch' : `these ${losses.length} branches`;
  return ask(context, `Remove ${what} for good?`, 'nothing was removed');
}

function addStatus(branch: Command, bind: Bind): void {
  branch
    .command('status')
    .description('which branches are behind the target, and by which migrations')
    .action(
      bind<[], object>(async (context) => {
        const status = await withRoot(context, 'branch status', (root, library) =>
          library.readSchemaStatus(root, { signal: context.beginWork() }),
        );
        context.print(status, () => describeSchemaStatus(context.style, status));
      }),
    );
}

interface UpdateOptions {
  readonly dryRun?: boolean;
  readonly outOfOrder?: boolean;
  readonly snapshot?: boolean;
  readonly backup?: BackupChoice;
  readonly countTimeout?: string;
  readonly lockTimeout?: string;
}

function addUpdate(branch: Command, bind: Bind): void {
  branch
    .command('update')
    .description('apply to a branch the migrations that the target has, and it has not')
    .argument('[name]', 'default: the current branch')
    .option('--dry-run', 'check and list, run nothing')
    .option('--out-of-order', 'also those that come before one that the branch has')
    .option('--no-snapshot', 'keep no snapshot of the branch as it is before')
    .addOption(
      new Option(
        '--backup <where>',
        'where records go that would be lost; asked on a terminal',
      ).choices(['none', 'files', 'database']),
    )
    .option('--lock-timeout <duration>', 'how long a statement may wait for a lock (5s)')
    .addOption(countTimeoutOption())
    .addOption(sessionsWaitOption())
    .action(bind<[string | undefined], UpdateOptions>(update));
}

async function update(
  context: CommandContext,
  options: UpdateOptions,
  given: string | undefined,
): Promise<void> {
  const { parseDuration } = await import('../../index.js');
  const duration = (text: string | undefined) => (text === undefined ? text : parseDuration(text));
  const name = await nameOrCurrent(context, given);
  const { dryRun, outOfOrder: allowOutOfOrder } = options;
  const backup = options.backup ?? (await readConfig(context))?.migrations?.backup;
  const updated = await withRoot(context, 'branch update', (root, library) =>
    library.updateBranch(root, {
      ...{ ...context.work(library), name, dryRun, allowOutOfOrder, backup },
      noSnapshot: options.snapshot === false,
      lockTimeoutMs: duration(options.lockTimeout),
      countTimeoutMs: duration(options.countTimeout),
      chooseBackup: context.isInteractive
        ? (impacts) => showAndChoose(context, impacts)
        : undefined,
    }),
  );
  context.print(updated, () => describeUpdate(context.style, updated, context.io.stdout.columns));
}
