import type { Command, Option } from 'commander';
import { type CommandContext, targetOptions } from '../context.js';

/** Arguments that name a snapshot. */
const referenceArguments = new Set(['ref', 'a', 'b']);
/** A prompt must not hang on a server that is asleep. */
const listTimeoutMs = 1500;

/**
 * What can stand in the place of the last word.
 * @param words the words after the program's name, the last one unfinished (maybe empty)
 */
export async function complete(
  program: Command,
  context: CommandContext,
  words: readonly string[],
): Promise<string[]> {
  const partial = words.at(-1) ?? '';
  const { command, positionals, pending } = walk(program, words.slice(0, -1));
  const candidates = pending
    ? valuesOf(pending)
    : partial.startsWith('-')
      ? optionsOf(program, command)
      : await argumentsOf(command, positionals, context, words);
  return candidates.filter((candidate) => candidate.startsWith(partial));
}

interface Position {
  readonly command: Command;
  /** Arguments given to the command so far. */
  readonly positionals: number;
  /** An option that waits for its value. */
  readonly pending: Option | undefined;
}

/** Follows the finished words to the command, and to what is expected next. */
function walk(program: Command, words: readonly string[]): Position {
  let command = program;
  let positionals = 0;
  let pending: Option | undefined;
  for (const word of words) {
    if (pending) {
      pending = undefined;
    } else if (word.startsWith('-')) {
      const option = [...command.options, ...program.options].find(
        (one) => one.long === word || one.short === word,
      );
      pending = option?.required ? option : undefined;
    } else {
      const next = command.commands.find(
        (one) => one.name() === word || one.aliases().includes(word),
      );
      if (next && positionals === 0) command = next;
      else positionals += 1;
    }
  }
  return { command, positionals, pending };
}

function valuesOf(option: Option): string[] {
  return [...(option.argChoices ?? [])];
}

function optionsOf(program: Command, command: Command): string[] {
  const options = new Set([...command.options, ...program.options]);
  return [...options].map(({ long }) => long ?? '').filter((name) => name !== '');
}

async function argumentsOf(
  command: Command,
  positionals: number,
  context: CommandContext,
  words: readonly string[],
): Promise<string[]> {
  if (command.commands.length > 0) {
    return command.commands.map((one) => one.name()).filter((name) => !name.startsWith('__'));
  }
  const argument = command.registeredArguments[positionals];
  if (!argument) return [];
  if (argument.argChoices) return [...argument.argChoices];
  if (!referenceArguments.has(argument.name())) return [];
  const extra = argument.name() === 'ref' ? ['latest'] : ['latest', 'live'];
  return [...(await tags(context, words)), ...extra];
}

/** The tags of the target; none where it cannot be reached at once. Completion never fails. */
async function tags(context: CommandContext, words: readonly string[]): Promise<string[]> {
  const after = (name: string) => {
    const at = words.indexOf(name);
    return at < 0 ? undefined : words[at + 1];
  };
  const { listSnapshots, openTarget } = await import('../../index.js');
  const options = { ...context.options, url: after('--url'), target: after('--target') };
  const reading = (async () => {
    const target = await openTarget({ ...targetOptions(context.io, options), action: 'complete' });
    try {
      return (await listSnapshots(target)).snapshots.map(({ tag }) => tag);
    } finally {
      await target.close();
    }
  })().catch(() => []);
  const tooSlow = new Promise<string[]>((resolve) => {
    setTimeout(resolve, listTimeoutMs, []).unref();
  });
  return Promise.race([reading, tooSlow]);
}
