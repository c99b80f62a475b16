import type { Command } from 'commander';
import type { Bind } from '../bind.js';

export function addRenameCommand(program: Command, bind: Bind): void {
  program
    .command('rename')
    .description('give a snapshot another tag')
    .argument('<ref>', 'tag, id, "latest", "~1" or "@2026-11-20T14:30"')
    .argument('<tag>', 'the new tag')
    .action(
      bind<[string, string], object>(async (context, _options, reference, tag) => {
        (await import('../../index.js')).validateTag(tag);
        const result = await context.withTarget('rename', (target, library) =>
          library.renameSnapshot(target, { ...context.work(library), reference, tag }),
        );
        context.print(result, () => `"${result.previousTag}" is now "${result.snapshot.tag}"`);
      }),
    );
}
