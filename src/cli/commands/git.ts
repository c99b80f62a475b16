import { realpathSync } from 'node:fs';
import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import { runHook } from '../hook.js';
import {
  describeFollowed,
  describeGitHooks,
  describeInstalled,
  describeUninstalled,
} from '../output/describe-git.js';

export function addGitCommands(program: Command, bind: Bind): void {
  const git = program.command('git').description('hooks that follow `git checkout`');
  git
    .command('install')
    .description('let `git checkout` lead to the database of the git branch')
    .action(
      bind<[], object>(async (context) => {
        const { installGitHooks } = await import('../../index.js');
        const installed = await installGitHooks({ ...placeOf(context), program: ownProgram() });
        context.print(installed, () => describeInstalled(context.style, installed));
      }),
    );
  git
    .command('uninstall')
    .description('take Belay’s lines out of the hooks again')
    .action(
      bind<[], object>(async (context) => {
        const { uninstallGitHooks } = await import('../../index.js');
        const removed = await uninstallGitHooks(placeOf(context));
        context.print(removed, () => describeUninstalled(removed));
      }),
    );
  git
    .command('status')
    .description('whether the hooks are in place, and whether this working tree is on its branch')
    .action(
      bind<[], object>(async (context) => {
        const { readGitHooks } = await import('../../index.js');
        const status = await readGitHooks(placeOf(context));
        context.print(status, () => describeGitHooks(context.style, status));
      }),
    );
  addFollow(git, bind);
}

function addFollow(git: Command, bind: Bind): void {
  git
    .command('follow')
    .description('do now what a checkout of the present git branch would do')
    .action(
      bind<[], object>(async (context, options) => {
        const library = await import('../../index.js');
        const { url, target, maintenanceDb: maintenanceDatabase, store } = options;
        const followed = await library.followGitBranch({
          ...{ ...context.work(library), ...placeOf(context) },
          target: { url, target, maintenanceDatabase, store },
        });
        context.print(followed, () => describeFollowed(followed).join('\n'));
      }),
    );
  git
    .command('hook', { hidden: true })
    .description('what git’s hooks call')
    .argument('<hook>')
    .argument('[arguments...]')
    .action(
      bind<[string, string[]], object>(async ({ io }, _options, hook, words) => {
        await runHook(io, hook, words);
      }),
    );
}

const placeOf = ({ io }: CommandContext) => ({ cwd: io.cwd, env: io.env });

/** This program, for hooks that find no other: a link to it may go with the next update. */
function ownProgram(): readonly [string, string] {
  return [process.execPath, realpathSync(process.argv[1] ?? '')];
}
