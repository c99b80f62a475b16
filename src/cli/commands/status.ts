import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { describeStatus } from '../output/describe-status.js';

export function addStatusCommand(program: Command, bind: Bind): void {
  program
    .command('status')
    .description('show the database, what it is based on, and whether it has changed since')
    .action(
      bind<[], object>(async (context) => {
        const status = await context.withTarget('status', (target, library) =>
          library.readStatus(target),
        );
        context.print(status, () => describeStatus(context.style, status));
      }),
    );
}
