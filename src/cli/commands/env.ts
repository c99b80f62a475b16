import { type Command, Option } from 'commander';
import type { Bind } from '../bind.js';
import { type CommandContext, targetOptions } from '../context.js';
import { printable } from '../output/printable.js';
import { currentName } from './branch-root.js';
import { readConfig } from './settings.js';

interface EnvOptions {
  readonly shell?: 'bash' | 'zsh' | 'fish' | 'powershell' | 'cmd' | 'dotenv';
  readonly unset?: boolean;
  readonly prompt?: boolean;
}

export function addEnvCommand(program: Command, bind: Bind): void {
  program
    .command('env')
    .description('print what sets DATABASE_URL and PG* to the current branch, for eval in a shell')
    .addOption(
      new Option('--shell <shell>', 'whose syntax (default: by $SHELL)').choices([
        ...['bash', 'zsh', 'fish', 'powershell', 'cmd', 'dotenv'],
      ]),
    )
    .option('--unset', 'print what takes the variables away again')
    .option('--prompt', 'print the current branch’s name alone, for a prompt')
    .action(bind<[], EnvOptions>(printEnvironment));
}

async function printEnvironment(context: CommandContext, options: EnvOptions): Promise<void> {
  const { io } = context;
  if (options.prompt) {
    const name = await currentName(context);
    context.print({ branch: name }, () => (name === null ? '' : printable(name)));
    return;
  }
  const { branchVariables, detectShell, resolveTarget, shellLines, connectionUrl } = await import(
    '../../index.js'
  );
  const resolved = await resolveTarget({ ...targetOptions(io, context.options), follow: true });
  const { settings, branch, root } = resolved;
  const variable = (await readConfig(context))?.branches?.variable;
  const variables = branchVariables({ settings: root }, { settings }, { variable });
  const shown = options.unset ? variables.map(({ name }) => ({ name, value: null })) : variables;
  const document = {
    ...{ branch: branch?.name ?? null, database: settings.database },
    url: connectionUrl(settings, { withPassword: true }),
    variables: Object.fromEntries(shown.map(({ name, value }) => [name, value])),
  };
  const shell = options.shell ?? detectShell(io.env, process.platform);
  context.print(document, () => shellLines(shell, shown).join('\n'));
}
