import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { formatBytes } from '../output/format.js';
import { confirmDeletion } from './confirm.js';
import { allowProductionOption } from './options.js';

export function addDeleteCommand(program: Command, bind: Bind): void {
  program
    .command('delete')
    .description('delete a snapshot for good')
    .argument('<ref>', 'tag, id, "latest", "~1" or "@2026-11-20T14:30"')
    .addOption(allowProductionOption())
    .action(
      bind<[string], { allowProduction?: string }>(async (context, options, reference) => {
        const { allowProduction } = options;
        const result = await context.withTarget('delete', (target, library) =>
          library.deleteSnapshot(target, {
            ...context.work(library),
            ...{ reference, allowProduction },
            confirm: (loss) => confirmDeletion(context, loss),
          }),
        );
        context.print(
          result,
          () => `deleted "${result.snapshot.tag}": ${formatBytes(result.freedBytes)} freed`,
        );
      }),
    );
}
