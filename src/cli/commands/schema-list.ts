import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { describeVersions } from '../output/describe-history.js';

export function addSchemaList(schema: Command, bind: Bind): void {
  schema
    .command('list')
    .alias('ls')
    .description('show the recorded versions, newest first')
    .action(
      bind<[], object>(async (context) => {
        const list = await context.withTarget('schema list', (target, library) =>
          library.listVersions(target),
        );
        context.print(list, () => describeVersions(context.style, list));
      }),
    );
}
