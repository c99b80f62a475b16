import type { Target } from '../../index.js';
import { type CommandContext, type Library, targetOptions } from '../context.js';

/** Opens the target that branches belong to, whatever branch is current, and closes it whatever happens. */
export async function withRoot<T>(
  context: CommandContext,
  action: string,
  run: (root: Target, library: Library) => Promise<T>,
): Promise<T> {
  const library = await import('../../index.js');
  const where = targetOptions(context.io, context.options);
  const root = await library.openRoot({ ...where, follow: 'root', action });
  try {
    return await run(root, library);
  } finally {
    await root.close();
  }
}

/** Name of the branch that the working tree works on; null: the target itself. */
export async function currentName({ io }: CommandContext): Promise<string | null> {
  const { readCurrentBranch } = await import('../../index.js');
  return (await readCurrentBranch({ cwd: io.cwd, env: io.env }))?.name ?? null;
}

/** Names of the branches on which working trees of this repository work. */
export async function usedInWorkTrees({ io }: CommandContext): Promise<string[]> {
  const { readCurrentBranches } = await import('../../index.js');
  const found = await readCurrentBranches({ cwd: io.cwd, env: io.env });
  return found.map(({ current }) => current.name);
}
