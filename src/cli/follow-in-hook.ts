import type { CheckoutEvent } from '../config/checkout-plan.js';
import type { CliIo } from './io.js';
import { describeFollowed } from './output/describe-git.js';
import { printable } from './output/printable.js';
import { lineProgress, terminalProgress } from './output/progress.js';
import { styleFor } from './output/style.js';

/** The part of a hook that needs the library, with one line for its result and one for its hint. */
export async function followInHook(io: CliIo, event: CheckoutEvent): Promise<void> {
  const { followGitBranch, toBelayError } = await import('../index.js');
  const style = styleFor(io.stderr, io.env);
  const progress = io.stderr.isTTY
    ? terminalProgress(io.stderr, style)
    : lineProgress(io.stderr, style, true);
  const { cwd, env, signal } = io;
  try {
    const followed = await followGitBranch({
      ...{ cwd, env, event, signal },
      reporter: progress.reporter,
    });
    progress.stop();
    for (const line of describeFollowed(followed)) io.stderr.write(`belay: ${line}\n`);
  } catch (thrown) {
    progress.stop();
    const { message, hint, code } = toBelayError(thrown);
    io.stderr.write(`belay: ${printable(message.split('\n')[0] ?? '')} (${code})\n`);
    if (hint) io.stderr.write(`belay: ${printable(hint)}\n`);
  }
}
