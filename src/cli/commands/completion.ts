import { Argument, type Command } from 'commander';
import type { Bind } from '../bind.js';
import { complete } from '../completion/complete.js';
import { completionScript, type Shell, shells } from '../completion/scripts.js';

export function addCompletionCommands(program: Command, bind: Bind): void {
  program
    .command('completion')
    .description('print a completion script for your shell')
    .addArgument(new Argument('<shell>', 'the shell').choices([...shells]))
    .addHelpText('after', installation)
    .action(
      bind<[Shell], object>(async (context, _options, shell) => {
        context.io.stdout.write(completionScript(shell));
      }),
    );
  program
    .command('__complete', { hidden: true })
    .argument('[words...]', 'the words before the cursor, the last one unfinished')
    .allowUnknownOption()
    .action(
      bind<[string[]], object>(async (context, _options, words) => {
        const candidates = await complete(program, context, words);
        context.io.stdout.write(candidates.map((candidate) => `${candidate}\n`).join(''));
      }),
    );
}

const installation = `
bash:  belay completion bash > ~/.local/share/bash-completion/completions/belay
zsh:   belay completion zsh > "\${fpath[1]}/_belay"
fish:  belay completion fish > ~/.config/fish/completions/belay.fish`;
