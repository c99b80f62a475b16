import type { Target } from '../../index.js';
import { type CommandContext, type Library, targetOptions } from '../context.js';
import { currentName, withRoot } from './branch-root.js';

/** What decides whether a command is run on a branch, and whether something is saved before. */
export interface BranchRunFlags {
  /** A name, or true for the current one. */
  readonly branch?: string | boolean | undefined;
}

/** The branch that a command is to run on; null: the target itself. */
export async function branchToRunOn(
  context: CommandContext,
  { branch }: BranchRunFlags,
): Promise<string | null> {
  if (typeof branch === 'string') return branch;
  const { url, target } = context.options;
  // Who names a target means that one.
  if (branch === undefined && (url !== undefined || target !== undefined)) return null;
  const current = await currentName(context);
  if (current !== null || branch === undefined) return current;
  const { BelayError } = await import('../../index.js');
  throw new BelayError('USAGE', 'no branch is current here', {
    hint: 'Name one: `belay run --branch NAME -- COMMAND`.',
  });
}

/** Runs a command on a branch, with nothing saved before. */
export async function runBranchCommand(
  context: CommandContext,
  name: string,
  words: readonly [string, ...string[]],
): Promise<void> {
  const run = await withRoot(context, 'run', async (root, library) => {
    const branch = await library.findBranch(root, name);
    context.beginWork();
    context.progress.stop();
    return library.runOnBranch(root, branch, words, {
      ...{ cwd: context.io.cwd, env: context.io.env },
      commandStdout: context.json ? 'stderr' : 'stdout',
    });
  });
  if (context.json) context.print({ ok: run.exitCode === 0, branch: name, ...run }, () => '');
  context.exitWith(run.exitCode);
}

/** How the gate finds a branch, and the environment in which its command does. Holds the password. */
export async function gateOnBranch(context: CommandContext, name: string) {
  return withRoot(context, 'run', async (root: Target, library: Library) => {
    const branch = await library.findBranch(root, name);
    const { cwd, env } = context.io;
    const redirected = await library.branchEnvironment(root, branch, { cwd, env });
    const { url } = library.showBranch(branch, { withPassword: true });
    return {
      ...targetOptions(context.io, context.options),
      target: undefined,
      url,
      env: redirected.env,
    };
  });
}
