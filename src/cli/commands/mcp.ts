import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { targetOptions } from '../context.js';
import { allowProductionOption } from './options.js';

interface Options {
  readonly allowRestore?: boolean;
  readonly allowProduction?: string;
}

export function addMcpCommand(program: Command, bind: Bind): void {
  program
    .command('mcp')
    .description('tools for assistants over stdin and stdout (Model Context Protocol)')
    .option('--allow-restore', 'assistants may restore, switch and undo; they never delete')
    .addOption(allowProductionOption())
    .action(
      bind<[], Options>(async (context, { allowRestore, allowProduction }) => {
        const { io, options } = context;
        if (allowProduction !== undefined && !allowRestore) {
          const { BelayError } = await import('../../index.js');
          throw new BelayError('USAGE', '--allow-production is about what --allow-restore allows', {
            hint: 'Give both, or neither.',
          });
        }
        const { serveMcpStdio } = await import('../../mcp/index.js');
        await serveMcpStdio({
          command: targetOptions(io, options),
          ...{ allowRestore, allowProduction, signal: context.beginWork() },
        });
      }),
    );
}
