import { type Command, Option } from 'commander';
import type { RehearseOptions } from '../../index.js';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import { describeRehearsal } from '../output/describe-rehearsal.js';
import { collect } from './arguments.js';
import { sessionsOption } from './options.js';
import {
  addRehearsalLimits,
  exitCodeOf,
  type RehearsalFlags,
  rehearsalLimits,
} from './rehearsal-limits.js';
import { commandWords, readAll } from './run-words.js';
import { sessionPolicy } from './settings.js';

interface Options extends RehearsalFlags {
  readonly from?: string;
  readonly env?: string[];
  readonly allowHardcoded?: boolean;
  readonly compareAll?: boolean;
  readonly format?: 'text' | 'markdown';
  readonly sessions?: 'wait' | 'terminate' | 'fail';
  readonly identity?: string;
  readonly drillServer?: string;
}

export function addRehearseCommand(program: Command, bind: Bind): void {
  const command = program
    .command('rehearse')
    .description('run a migration, or any command, on a copy that is thrown away, and measure it')
    .usage('[options] [INPUT…]  or  [options] -- COMMAND [ARGUMENTS…]')
    .argument(
      '[input...]',
      'files of SQL, a folder of migrations, OLD.sql:NEW.sql, or - (default: what is pending); or a command behind "--"',
    )
    .option(
      '--from <source>',
      'what is copied: clone, checkpoint, or a snapshot (default: a clone, else the newest proven checkpoint)',
    )
    .option(
      '--env <name>',
      'a variable more from which the command reads its database; may be given again',
      collect,
    )
    .option('--allow-hardcoded', 'run it although the target’s address is written in a file')
    .option('--compare-all', 'also tables that the statistics prove untouched')
    .addOption(
      new Option('--format <format>', 'how it is printed: for people, or a pull request').choices([
        'text',
        'markdown',
      ]),
    )
    .addOption(sessionsOption())
    .option('--identity <file>', 'age secret key, for an encrypted checkpoint')
    .option('--drill-server <url>', 'where a checkpoint is restored, instead of a private server');
  addRehearsalLimits(command).action(bind<[string[]], Options>(rehearse));
}

async function rehearse(
  context: CommandContext,
  options: Options,
  words: readonly string[],
): Promise<void> {
  const { BelayError } = await import('../../index.js');
  if (context.json && options.format !== undefined) {
    throw new BelayError('USAGE', '--json and --format are two ways to print the same report', {
      hint: 'Leave one of them out.',
    });
  }
  const order = await rehearsalOrder(context, options, words);
  const result = await context.withTarget('rehearse', (target, library) =>
    library.rehearseMigration(target, { ...context.work(library), ...order }),
  );
  if (options.format === 'markdown') {
    const { rehearsalMarkdown } = await import('../../index.js');
    context.progress.stop();
    context.io.stdout.write(`${rehearsalMarkdown(result).trimEnd()}\n`);
  } else {
    context.print(result, () =>
      describeRehearsal(context.style, result, context.io.stdout.columns),
    );
  }
  if (!result.ok) context.exitWith(exitCodeOf(result));
}

async function rehearsalOrder(
  context: CommandContext,
  options: Options,
  words: readonly string[],
): Promise<RehearseOptions> {
  const { command, inputs } = commandWords(context, words);
  return {
    ...(await rehearsalLimits(context, options)),
    command,
    inputs: inputs.includes('-') ? { stdin: await readAll(context) } : inputs,
    ...{ from: options.from, sessions: await sessionPolicy(context, options.sessions) },
    ...{ identityFile: options.identity, drillServer: options.drillServer },
    ...{ compareAll: options.compareAll, allowHardcoded: options.allowHardcoded },
    urlVariables: options.env,
    commandStdout: context.json || options.format === 'markdown' ? 'stderr' : 'stdout',
  };
}
