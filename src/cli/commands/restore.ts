import type { Command } from 'commander';
import type { SessionPolicy } from '../../index.js';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import { describeRestore } from '../output/describe-restore.js';
import { describeRestoredTables } from '../output/describe-tables.js';
import { collect } from './arguments.js';
import { confirmTableLoss } from './confirm.js';
import { allowProductionOption, sessionsOption, sessionsWaitOption } from './options.js';
import { sessionPolicy } from './settings.js';

interface Options {
  readonly to?: string;
  readonly table?: string[];
  readonly sessions?: SessionPolicy;
  readonly allowProduction?: string;
  readonly owner?: boolean;
  readonly identity?: string;
  readonly intoSchema?: string;
  readonly keepAs?: string;
}

export function addRestoreCommand(program: Command, bind: Bind): void {
  program
    .command('restore')
    .description('put a snapshot in the database’s place, or into a new database')
    .argument('<ref>', 'tag, id, "latest", "~1" or "@2026-11-20T14:30"')
    .option('--to <database>', 'restore into a new database of this name')
    .option('--table <schema.table>', 'only this table; may be given again', collect)
    .option('--into-schema <schema>', 'with --table: beside what is there, into this schema')
    .option('--keep-as <schema>', 'with --table: schema that keeps what is replaced')
    .option('--no-owner', 'from an archive: everything belongs to you and nothing is granted')
    .option('--identity <file>', 'age secret key, for an encrypted archive')
    .addOption(sessionsOption())
    .addOption(sessionsWaitOption())
    .addOption(allowProductionOption())
    .action(
      bind<[string], Options>(async (context, options, reference) => {
        if (options.table)
          return restoreTables(context, { ...options, table: options.table }, reference);
        const { to, allowProduction } = options;
        // Before connecting: a mistake in the command is no matter of the server.
        const { BelayError, checkRestoreOptions } = await import('../../index.js');
        checkRestoreOptions({ to });
        if (options.intoSchema ?? options.keepAs) {
          throw new BelayError('USAGE', '--into-schema and --keep-as are for --table');
        }
        const sessions = await sessionPolicy(context, options.sessions);
        const result = await context.withTarget('restore', (target, library) =>
          library.restoreSnapshot(target, {
            ...context.work(library),
            ...{ reference, to, sessions, allowProduction },
            ...{ noOwner: options.owner === false, identityFile: options.identity },
          }),
        );
        context.print(result, () => describeRestore(context.style, result));
      }),
    );
}

async function restoreTables(
  context: CommandContext,
  options: Options & { readonly table: string[] },
  reference: string,
): Promise<void> {
  const { table: tables, to, intoSchema, keepAs, allowProduction, identity } = options;
  const order = { tables, to, intoSchema, keepAs };
  (await import('../../index.js')).checkTableOptions(order);
  const result = await context.withTarget('restore', (target, library) =>
    library.restoreSnapshotTables(target, {
      ...context.work(library),
      ...{ ...order, reference, allowProduction, identityFile: identity },
      confirm: (loss) => confirmTableLoss(context, loss),
    }),
  );
  context.print({ ...result, previous: null }, () => describeRestoredTables(context.style, result));
}
