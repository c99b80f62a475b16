import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { describeLifetime } from '../output/describe-branch.js';
import { lifetime } from './branch-make.js';
import { withRoot } from './branch-root.js';
import { readUntil } from './protect.js';

export function addBranchKeepCommands(branch: Command, bind: Bind): void {
  branch
    .command('extend')
    .description('give a branch more time, or less, from now on')
    .argument('<name>')
    .argument('[duration]', 'such as 2h or 7d, or "none": it never expires', '7d')
    .action(
      bind<[string, string], object>(async (context, _options, name, duration) => {
        const shown = await withRoot(context, 'branch extend', async (root, library) => {
          const ttlMs = lifetime(duration, library.parseDuration) ?? null;
          const order = { ...context.work(library), name, ttlMs };
          return library.showBranch(await library.extendBranch(root, order));
        });
        context.print(shown, () => describeLifetime(context.style, shown));
      }),
    );
  branch
    .command('protect')
    .description('keep a branch from being deleted and collected')
    .argument('<name>')
    .option('--until <time>', 'for how long: a time such as 2026-12-24 or a duration such as 30d')
    .action(
      bind<[string], { until?: string }>(async (context, options, name) => {
        const shown = await withRoot(context, 'branch protect', async (root, library) => {
          const until = readUntil(options.until, library.parseDuration, library.parseTime);
          const order = { ...context.work(library), name, until };
          return library.showBranch(await library.protectBranch(root, order));
        });
        context.print(shown, () => describeLifetime(context.style, shown));
      }),
    );
  branch
    .command('unprotect')
    .description('let a branch be deleted and collected again')
    .argument('<name>')
    .action(
      bind<[string], object>(async (context, _options, name) => {
        const shown = await withRoot(context, 'branch unprotect', async (root, library) =>
          library.showBranch(
            await library.unprotectBranch(root, { ...context.work(library), name }),
          ),
        );
        context.print(shown, () => describeLifetime(context.style, shown));
      }),
    );
}
