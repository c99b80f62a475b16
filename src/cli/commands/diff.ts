import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { describeDiff } from '../output/describe-diff.js';
import { collect, wholeNumber } from './arguments.js';

interface Options {
  readonly data?: boolean;
  readonly table?: string[];
  readonly samples?: number;
}

export function addDiffCommand(program: Command, bind: Bind): void {
  program
    .command('diff')
    .description('compare two snapshots, or one with the database as it is now ("live")')
    .argument('<a>', 'a snapshot, or "live"')
    .argument('[b]', 'a snapshot, or "live"', 'live')
    .option('--data', 'compare the rows too, not only their number')
    .option('--table <schema.table>', 'only this table’s rows', collect)
    .option('--samples <count>', 'differing rows to show of each table', wholeNumber)
    .action(
      bind<[string, string], Options>(async (context, options, a, b) => {
        const { data, table: tables, samples: sampleLimit } = options;
        const result = await context.withTarget('diff', (target, library) =>
          library.diffSnapshots(target, {
            ...context.work(library),
            ...{ a, b, data, tables, sampleLimit },
          }),
        );
        context.print(result, () => describeDiff(context.style, result, a, b));
      }),
    );
}
