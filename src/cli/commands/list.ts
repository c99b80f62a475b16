import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { describeTimeline } from '../output/describe-timeline.js';
import { wholeNumber } from './arguments.js';

export function addListCommand(program: Command, bind: Bind): void {
  program
    .command('list')
    .alias('ls')
    .description('show the timeline, newest first')
    .option('-n, --limit <count>', 'only the newest so many', wholeNumber)
    .action(
      bind<[], { limit?: number }>(async (context, { limit }) => {
        const list = await context.withTarget('list', (target, library) =>
          library.listSnapshots(target),
        );
        const shown = { ...list, snapshots: list.snapshots.slice(0, limit) };
        context.print(shown, () => describeTimeline(context.style, shown, list.snapshots.length));
      }),
    );
}
