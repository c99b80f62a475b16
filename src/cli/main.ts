import type { CliIo } from './io.js';
import { runCli } from './run.js';

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Runs the command line in this process and sets its exit code. Nothing else in Belay does. */
export async function main(): Promise<void> {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // The second one means it: what is half-made is then cleaned up by the next command.
      if (controller.signal.aborted) process.exit(exitCodes[name]);
      controller.abort(name);
    });
  }
  // `belay list | head` closes our stdout: that is no error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const io: CliIo = {
    args: process.argv.slice(2),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    signal: controller.signal,
  };
  process.exitCode = await runCli(io);
  // A command that was interrupted before its work began may still wait for a server that does not answer.
  if (controller.signal.aborted) process.exit();
}
