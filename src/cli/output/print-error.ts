import type { CliIo } from '../io.js';
import { styleFor } from './style.js';

/** Prints an error the documented way and gives its exit code. */
export async function printError(io: CliIo, error: unknown): Promise<number> {
  const { redactUrl, toBelayError } = await import('../../index.js');
  const problem = toBelayError(error);
  const { code, kind, exitCode, details } = problem;
  // Messages of servers and libraries pass through here too: the last place where a password could get out.
  const message = redactUrl(problem.message);
  const hint = problem.hint === undefined ? null : redactUrl(problem.hint);
  if (wantsJson(io.args)) {
    const document = { ok: false, error: { code, kind, message, hint, details } };
    io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return exitCode;
  }
  const style = styleFor(io.stderr, io.env);
  io.stderr.write(`${style.red('error:')} ${oneLine(message)}\n`);
  if (hint !== null) io.stderr.write(`${style.dim('hint:')}  ${aligned(hint)}\n`);
  const cause = problem.cause instanceof Error ? problem.cause : problem;
  if (kind === 'bug' || io.env.BELAY_DEBUG) io.stderr.write(`${redactUrl(String(cause.stack))}\n`);
  return exitCode;
}

/** Known before the arguments are parsed: mistakes in them are reported as JSON too. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).includes('--json');
}

/** A hint may show a line of a file and point into it. */
function aligned(hint: string): string {
  return hint.trim().replaceAll('\n', '\n       ');
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}
