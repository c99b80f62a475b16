import type { Command } from 'commander';
import type { GcLoss } from '../../index.js';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import { describeGc, describeGcLosses } from '../output/describe-branch-upkeep.js';
import { withRoot } from './branch-root.js';
import { ask } from './confirm.js';

interface GcOptions {
  readonly dryRun?: boolean;
  readonly expired?: boolean;
  readonly grace?: string;
}

export function addBranchUpkeepCommands(branch: Command, bind: Bind): void {
  addGc(branch, bind);
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
