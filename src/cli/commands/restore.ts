import type { Command } from 'commander';
import type { SessionPolicy } from '../../index.js';
import type { Bind } from '../bind.js';
import { describeRestore } from '../output/describe-restore.js';
import { collect } from './arguments.js';
import { allowProductionOption, sessionsOption, sessionsWaitOption } from './options.js';
import { sessionPolicy } from './settings.js';

interface Options {
  readonly to?: string;
  readonly table?: string[];
  readonly sessions?: SessionPolicy;
  readonly allowProduction?: string;
  readonly owner?: boolean;
  readonly identity?: string;
}

export function addRestoreCommand(program: Command, bind: Bind): void {
  program
    .command('restore')
    .description('put a snapshot in the database’s place, or into a new database')
    .argument('<ref>', 'tag, id, "latest", "~1" or "@2026-11-20T14:30"')
    .option('--to <database>', 'restore into a new database of this name')
    .option('--table <schema.table>', 'only this table (needs an archive)', collect)
    .option('--no-owner', 'from an archive: everything belongs to you and nothing is granted')
    .option('--identity <file>', 'age secret key, for an encrypted archive')
    .addOption(sessionsOption())
    .addOption(sessionsWaitOption())
    .addOption(allowProductionOption())
    .action(
      bind<[string], Options>(async (context, options, reference) => {
        const { to, table: tables, allowProduction } = options;
        // Before connecting: a mistake in the command is no matter of the server.
        (await import('../../index.js')).checkRestoreOptions({ to, tables });
        const sessions = await sessionPolicy(context, options.sessions);
        const result = await context.withTarget('restore', (target, library) =>
          library.restoreSnapshot(target, {
            ...context.work(library),
            ...{ reference, to, tables, sessions, allowProduction },
            ...{ noOwner: options.owner === false, identityFile: options.identity },
          }),
        );
        context.print(result, () => describeRestore(context.style, result));
      }),
    );
}
