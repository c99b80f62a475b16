import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { describeCheckpoint } from '../output/describe-checkpoint.js';
import { type ArchiveFlags, addArchiveOptions, toArchiveOptions } from './archive-options.js';

interface Options extends ArchiveFlags {
  readonly tag?: string;
  readonly description?: string;
}

/** Exit code of an archive that is sealed and did not pass its drill. */
const notProven = 7;

export function addCheckpointCommand(program: Command, bind: Bind): void {
  const command = program
    .command('checkpoint')
    .description('make an archive of the live database, sealed and proven by restoring it')
    .option('--tag <tag>', 'its name (default: "checkpoint-" and the time)')
    .option('-d, --description <text>', 'what this state is')
    .option('--no-drill', 'seal it without restoring it: it is then not proven');
  addArchiveOptions(command).action(
    bind<[], Options>(async (context, options) => {
      const { checkArchiveOptions, parseDuration, validateTag } = await import('../../index.js');
      const archive = toArchiveOptions(options, parseDuration);
      // Before connecting: a mistake in the command is no matter of the server.
      if (options.tag !== undefined) validateTag(options.tag);
      await checkArchiveOptions(archive, 'counts');
      const { tag, description } = options;
      const result = await context.withTarget('checkpoint', (target, library) =>
        library.takeCheckpoint(target, {
          ...context.work(library),
          ...{ ...archive, tag, description },
        }),
      );
      context.print(result, () => describeCheckpoint(context.style, result));
      if (!result.ok) context.exitWith(notProven);
    }),
  );
}
