import type { Command } from 'commander';
import type { SessionPolicy } from '../../index.js';
import type { Bind } from '../bind.js';
import { describeRestore } from '../output/describe-restore.js';
import { allowProductionOption, sessionsOption, sessionsWaitOption } from './options.js';
import { sessionPolicy } from './settings.js';

interface Options {
  readonly save?: string;
  readonly description?: string;
  readonly sessions?: SessionPolicy;
  readonly allowProduction?: string;
}

export function addSwitchCommand(program: Command, bind: Bind): void {
  program
    .command('switch')
    .description('keep the present state as a snapshot, and put another in its place')
    .argument('<ref>', 'tag, id, "latest", "~1" or "@2026-11-20T14:30"')
    .option('--save <tag>', 'tag for the present state')
    .option('-d, --description <text>', 'what the present state is')
    .addOption(sessionsOption())
    .addOption(sessionsWaitOption())
    .addOption(allowProductionOption())
    .action(
      bind<[string], Options>(async (context, options, reference) => {
        const { save, description, allowProduction } = options;
        if (save !== undefined) (await import('../../index.js')).validateTag(save);
        const sessions = await sessionPolicy(context, options.sessions);
        const result = await context.withTarget('switch', (target, library) =>
          library.switchSnapshot(target, {
            ...context.work(library),
            ...{ reference, save, description, sessions, allowProduction },
          }),
        );
        context.print(result, () => describeRestore(context.style, result));
      }),
    );
}
