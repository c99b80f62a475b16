import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { describeSnapshot } from '../output/describe-snapshot.js';

export function addShowCommand(program: Command, bind: Bind): void {
  program
    .command('show')
    .description('show one snapshot, whole')
    .argument('<ref>', 'tag, id, "latest", "~1" or "@2026-11-20T14:30"')
    .action(
      bind<[string], object>(async (context, _options, reference) => {
        const snapshot = await context.withTarget('show', (target, library) =>
          library.showSnapshot(target, reference),
        );
        context.print(snapshot, () => describeSnapshot(context.style, snapshot));
      }),
    );
}
