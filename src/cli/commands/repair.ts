import type { Command } from 'commander';
import type { RepairResult } from '../../index.js';
import type { Bind } from '../bind.js';

export function addRepairCommand(program: Command, bind: Bind): void {
  program
    .command('repair')
    .description('find and clean what an interrupted run left')
    .action(
      bind<[], object>(async (context) => {
        const result = await context.withTarget('repair', (target, library) =>
          library.repairTarget(target, context.work(library)),
        );
        context.print(result, () => {
          if (result.cleaned.length === 0) return 'nothing to repair';
          return result.cleaned.map((one) => `repaired "${nameOf(one)}": ${one.detail}`).join('\n');
        });
      }),
    );
}

function nameOf(one: RepairResult['cleaned'][number]): string {
  if ('database' in one) return one.database;
  if ('schema' in one) return one.schema;
  if ('name' in one) return one.name;
  return 'key' in one ? one.key : one.folder;
}
