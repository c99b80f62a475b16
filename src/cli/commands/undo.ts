import type { Command } from 'commander';
import type { SessionPolicy } from '../../index.js';
import type { Bind } from '../bind.js';
import { describeUndo } from '../output/describe-restore.js';
import { allowProductionOption, sessionsOption, sessionsWaitOption } from './options.js';
import { sessionPolicy } from './settings.js';

interface Options {
  readonly sessions?: SessionPolicy;
  readonly allowProduction?: string;
}

export function addUndoCommand(program: Command, bind: Bind): void {
  program
    .command('undo')
    .description('take back the last restore, switch or undo')
    .addOption(sessionsOption())
    .addOption(sessionsWaitOption())
    .addOption(allowProductionOption())
    .action(
      bind<[], Options>(async (context, { sessions: chosen, allowProduction }) => {
        const sessions = await sessionPolicy(context, chosen);
        const result = await context.withTarget('undo', (target, library) =>
          library.undoRestore(target, { ...context.work(library), sessions, allowProduction }),
        );
        context.print(result, () => describeUndo(context.style, result));
      }),
    );
}
