import type { Command } from 'commander';
import type { RetentionPolicy } from '../../index.js';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import { describePrune } from '../output/describe-prune.js';
import { wholeNumber } from './arguments.js';
import { confirmDeletion } from './confirm.js';
import { allowProductionOption } from './options.js';
import { readConfig } from './settings.js';

interface Options {
  readonly keepLast?: number;
  readonly keepWithin?: string;
  readonly dryRun?: boolean;
  readonly allowProduction?: string;
}

export function addPruneCommand(program: Command, bind: Bind): void {
  program
    .command('prune')
    .description('delete what the retention rules do not keep')
    .option('--keep-last <count>', 'keep the newest so many', wholeNumber)
    .option('--keep-within <duration>', 'keep what is younger, e.g. 7d')
    .option('--dry-run', 'only show what would go')
    .addOption(allowProductionOption())
    .action(
      bind<[], Options>(async (context, options) => {
        const { dryRun, allowProduction } = options;
        const policy = await retentionPolicy(context, options);
        const result = await context.withTarget('prune', (target, library) =>
          library.pruneSnapshots(target, {
            ...context.work(library),
            ...{ ...policy, dryRun, allowProduction },
            confirm: (loss) => confirmDeletion(context, loss),
          }),
        );
        context.print(result, () => describePrune(context.style, result));
      }),
    );
}

/** The flags; without any, the configuration's. */
async function retentionPolicy(
  context: CommandContext,
  { keepLast, keepWithin }: Options,
): Promise<RetentionPolicy> {
  const { parseDuration } = await import('../../index.js');
  const chosen =
    keepLast === undefined && keepWithin === undefined
      ? (await readConfig(context))?.retention
      : { keepLast, keepWithin };
  return {
    keepLast: chosen?.keepLast,
    keepWithinMs: chosen?.keepWithin === undefined ? undefined : parseDuration(chosen.keepWithin),
  };
}
