import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { withRoot } from './branch-root.js';

/** `belay branch start` and `belay branch stop`: the servers of cluster branches. */
export function addBranchServerCommands(branch: Command, bind: Bind): void {
  addStart(branch, bind);
  addStop(branch, bind);
}

function addStart(branch: Command, bind: Bind): void {
  branch
    .command('start')
    .description('start the server of a cluster branch')
    .argument('<name>', 'the branch')
    .action(
      bind<[string], object>(async (context, _options, name) => {
        const shown = await withRoot(context, 'branch start', async (root, library) => {
          const found = await library.findBranch(root, name);
          const { signal, reporter } = context.work(library);
          const { branch, started, portBefore } = await library.startBranchServer(found, {
            ...{ signal, reporter, env: root.env },
          });
          const url = library.connectionUrl(branch.settings, { withPassword: true });
          return { ok: true, name: branch.record.name, url, started, portBefore };
        });
        context.print(shown, () =>
          shown.started
            ? `${shown.name} runs\n${shown.url}`
            : `${shown.name} ran already\n${shown.url}`,
        );
      }),
    );
}

function addStop(branch: Command, bind: Bind): void {
  branch
    .command('stop')
    .description('stop the server of a cluster branch; its data and its URL stay')
    .argument('<name>', 'the branch')
    .action(
      bind<[string], object>(async (context, _options, name) => {
        const shown = await withRoot(context, 'branch stop', async (root, library) => {
          const found = await library.findBranch(root, name);
          // Not to be interrupted half-way: it takes no longer than the server's last checkpoint.
          context.beginWork();
          const { branch, stopped } = await library.stopBranchServer(found);
          return { ok: true, name: branch.record.name, stopped };
        });
        context.print(shown, () =>
          shown.stopped ? `${shown.name} is stopped` : `${shown.name} did not run`,
        );
      }),
    );
}
