import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { formatTime } from '../output/format.js';

export function addProtectCommands(program: Command, bind: Bind): void {
  program
    .command('protect')
    .description('keep a snapshot from being deleted or pruned')
    .argument('<ref>', 'tag, id, "latest", "~1" or "@2026-11-20T14:30"')
    .option('--until <time>', 'for how long: a time such as 2026-12-24 or a duration such as 30d')
    .action(
      bind<[string], { until?: string }>(async (context, options, reference) => {
        const { forever, parseDuration, parseTime } = await import('../../index.js');
        const until = readUntil(options.until, parseDuration, parseTime);
        const result = await context.withTarget('protect', (target, library) =>
          library.protectSnapshot(target, { ...context.work(library), reference, until }),
        );
        const { tag, protectedUntil } = result.snapshot;
        const how =
          protectedUntil === null || protectedUntil === forever
            ? 'until `belay unprotect`'
            : `until ${formatTime(protectedUntil)}`;
        context.print(result, () => `"${tag}" is protected ${how}`);
      }),
    );
  program
    .command('unprotect')
    .description('let a snapshot be deleted again')
    .argument('<ref>', 'tag, id, "latest", "~1" or "@2026-11-20T14:30"')
    .action(
      bind<[string], object>(async (context, _options, reference) => {
        const result = await context.withTarget('unprotect', (target, library) =>
          library.unprotectSnapshot(target, { ...context.work(library), reference }),
        );
        context.print(result, () => `"${result.snapshot.tag}" is no longer protected`);
      }),
    );
}

/** A time, or a duration from now on. */
export function readUntil(
  text: string | undefined,
  parseDuration: (text: string) => number,
  parseTime: (text: string) => Date,
): Date | undefined {
  if (text === undefined) return undefined;
  return /^\d+[a-z]+$/.test(text) ? new Date(Date.now() + parseDuration(text)) : parseTime(text);
}
