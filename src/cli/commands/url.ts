import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { type CommandContext, targetOptions } from '../context.js';
import { withRoot } from './branch-root.js';

export function addUrlCommand(program: Command, bind: Bind): void {
  program
    .command('url')
    .description('print the URL of the current branch, or of a named one, with its password')
    .argument('[name]', 'a branch; default: the current one, else the target itself')
    .action(
      bind<[string | undefined], object>(async (context, _options, name) => {
        const shown =
          name === undefined ? await currentUrl(context) : await namedUrl(context, name);
        context.print(shown, () => shown.url);
      }),
    );
}

interface ShownUrl {
  readonly branch: string | null;
  readonly database: string;
  readonly url: string;
}

/** Asks no server, so that it also works where none runs. */
async function currentUrl({ io, options }: CommandContext): Promise<ShownUrl> {
  const { connectionUrl, resolveTarget } = await import('../../index.js');
  const found = await resolveTarget({ ...targetOptions(io, options), follow: true });
  const url = connectionUrl(found.settings, { withPassword: true });
  return { branch: found.branch?.name ?? null, database: found.settings.database, url };
}

function namedUrl(context: CommandContext, name: string): Promise<ShownUrl> {
  return withRoot(context, 'url', async (root, library) => {
    const branch = await library.findBranch(root, name);
    await library.noteBranchUse(root, branch);
    const url = library.connectionUrl(branch.settings, { withPassword: true });
    return { branch: branch.record.name, database: branch.record.database, url };
  });
}
