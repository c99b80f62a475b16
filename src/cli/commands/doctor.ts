import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { targetOptions } from '../context.js';
import { describeExamination } from '../output/describe-examination.js';

/** As for a server that cannot be used: the environment needs something. */
const checkFailed = 6;

export function addDoctorCommand(program: Command, bind: Bind): void {
  program
    .command('doctor')
    .description('check the server, the rights, the way copies are made, the disk and the tools')
    .action(
      bind<[], object>(async (context) => {
        const { examineTarget } = await import('../../index.js');
        const examination = await examineTarget(targetOptions(context.io, context.options));
        context.print(examination, () => describeExamination(context.style, examination));
        if (!examination.ok) context.exitWith(checkFailed);
      }),
    );
}
