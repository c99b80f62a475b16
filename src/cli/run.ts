import { CommanderError } from 'commander';
import type { CliIo } from './io.js';
import { printError } from './output/print-error.js';
import { buildProgram } from './program.js';

/** Runs one command line. @returns the exit code; never throws */
export async function runCli(io: CliIo): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...io.args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return finishUsage(io, error);
    return printError(io, error);
  }
}

/** Commander has printed help and versions by itself; what is left are mistakes in the arguments. */
async function finishUsage(io: CliIo, error: CommanderError): Promise<number> {
  if (error.exitCode === 0) return 0;
  const { BelayError } = await import('../index.js');
  const message = error.message.replace(/^error: /, '');
  // `belay` alone prints the help to stderr; there is no message to add.
  if (error.code === 'commander.help') return 2;
  return printError(
    io,
    new BelayError('USAGE', message, {
      hint: '`belay --help` and `belay COMMAND --help` tell more.',
    }),
  );
}
