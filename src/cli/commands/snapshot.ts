import type { Command } from 'commander';
import type { SessionPolicy } from '../../index.js';
import type { Bind } from '../bind.js';
import { describeTaken } from '../output/describe-snapshot.js';
import { sessionsOption, sessionsWaitOption } from './options.js';
import { sessionPolicy } from './settings.js';

interface Options {
  readonly description?: string;
  readonly archive?: boolean;
  readonly sessions?: SessionPolicy;
}

export function addSnapshotCommand(program: Command, bind: Bind): void {
  program
    .command('snapshot')
    .description('take a snapshot of the database')
    .argument('<tag>', 'name of the snapshot: letters, digits, ".", "_", "-", "/"')
    .option('-d, --description <text>', 'what this state is')
    .option('--archive', 'also make an archive of it in the store')
    .addOption(sessionsOption())
    .addOption(sessionsWaitOption())
    .action(
      bind<[string], Options>(async (context, options, tag) => {
        (await import('../../index.js')).validateTag(tag);
        const sessions = await sessionPolicy(context, options.sessions);
        const { snapshot, outageMs } = await context.withTarget('snapshot', (target, library) =>
          library.takeSnapshot(target, {
            ...context.work(library),
            ...{ tag, description: options.description, sessions, archive: options.archive },
          }),
        );
        context.print({ ...snapshot, outageMs }, () =>
          describeTaken(context.style, snapshot, outageMs),
        );
      }),
    );
}
