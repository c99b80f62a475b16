import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { describeBranches } from '../output/describe-branch.js';
import { describeDiff } from '../output/describe-diff.js';
import { collect } from './arguments.js';
import { nameOrCurrent } from './branch-make.js';
import { currentName, withRoot } from './branch-root.js';

interface DiffFlags {
  readonly data?: boolean;
  readonly table?: string[];
}

export function addBranchLookCommands(branch: Command, bind: Bind): void {
  branch
    .command('list')
    .alias('ls')
    .description('all branches: what each starts from, its age, size, last use and expiry')
    .option('--no-sizes', 'do not measure what they take')
    .action(
      bind<[], { sizes?: boolean }>(async (context, { sizes }) => {
        const current = await currentName(context);
        const list = await withRoot(context, 'branch list', (root, library) =>
          library.listBranches(root, { sizes }),
        );
        const branches = list.branches.map((one) => ({ ...one, current: one.name === current }));
        const shown = { ...list, current, branches };
        context.print(shown, () => describeBranches(context.style, shown));
      }),
    );
  branch
    .command('url')
    .description('the URL of a branch, with its password')
    .argument('[name]', 'default: the current branch')
    .action(
      bind<[string | undefined], object>(async (context, _options, given) => {
        const name = await nameOrCurrent(context, given);
        const shown = await withRoot(context, 'branch url', async (root, library) => {
          const found = await library.findBranch(root, name);
          await library.noteBranchUse(root, found);
          return library.showBranch(found, { withPassword: true });
        });
        context.print(shown, () => shown.url);
      }),
    );
  branch
    .command('diff')
    .description('what was changed in a branch since its base')
    .argument('[name]', 'default: the current branch')
    .option('--data', 'compare rows too, not only their number')
    .option('--table <name>', 'only the rows of this table; may be repeated', collect)
    .action(
      bind<[string | undefined], DiffFlags>(async (context, { data, table }, given) => {
        const name = await nameOrCurrent(context, given);
        const diff = await withRoot(context, 'branch diff', (root, library) =>
          library.diffBranch(root, { ...context.work(library), name, data, tables: table }),
        );
        const base = diff.a.tag === null ? 'its base' : `its base (${diff.a.tag})`;
        context.print(diff, () => describeDiff(context.style, diff, base, name));
      }),
    );
}
