import { type CheckoutEvent, planCheckout } from '../config/checkout-plan.js';
import { readCurrentBranch } from '../config/current-branch.js';
import type { CliIo } from './io.js';

/**
 * The entry that hooks and prompts use. It loads next to nothing: whether a checkout asks for anything is known after reading
 * a few small files, and people wait for it.
 */
export async function hookMain(args: readonly string[]): Promise<void> {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(0);
      controller.abort(name);
    });
  }
  process.stdout.on('error', () => process.exit(0));
  process.stderr.on('error', () => process.exit(0));
  const { stdin, stdout, stderr, env } = process;
  const io: CliIo = {
    ...{ args, stdin, stdout, stderr, env },
    cwd: process.cwd(),
    signal: controller.signal,
  };
  const [command, , hook = '', ...words] = args;
  if (command === 'env') await printPrompt(io);
  else await runHook(io, hook, words);
}

/** The current branch's name; nothing on the target itself. */
async function printPrompt({ cwd, env, stdout }: CliIo): Promise<void> {
  const current = await readCurrentBranch({ cwd, env }).catch(() => null);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal would obey them
  if (current) stdout.write(`${current.name.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')}\n`);
}

/** Does what a hook of git asks for. Never fails and never asks: git has done its work, and goes on. */
export async function runHook(io: CliIo, hook: string, args: readonly string[]): Promise<void> {
  if (hook !== 'post-checkout' && hook !== 'post-rewrite') return;
  const event: CheckoutEvent = { hook, args };
  try {
    const plan = await planCheckout({ cwd: io.cwd, env: io.env, event });
    if (plan.todo === 'nothing') return;
    const { followInHook } = await import('./follow-in-hook.js');
    await followInHook(io, event);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    io.stderr.write(`belay: ${message}\n`);
  }
}
