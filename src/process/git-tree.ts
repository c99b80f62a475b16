import { mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { gitEnvironment } from './git.js';
import type { GitPlace } from './git-place.js';
import { runProgram } from './run.js';

export interface ExtractOptions {
  /** Full name of a reference, or a commit: "refs/heads/main". */
  readonly ref: string;
  /** A folder of the working tree that is wanted, absolute; it need not be there. */
  readonly folder: string;
  /** An empty folder that gets what is in it. */
  readonly into: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes the files of a folder as another commit has them, as a checkout would, without touching the working tree or
 * its index.
 *
 * @returns false where the commit has no such folder, or git does not answer
 */
export async function extractGitFolder(
  place: GitPlace,
  { ref, folder, into, signal }: ExtractOptions,
): Promise<boolean> {
  const workTree = await realpath(place.workTree);
  const below = path.relative(workTree, await nearestRealPath(folder));
  if (below.startsWith('..') || path.isAbsolute(below)) return false;
  await mkdir(into, { recursive: true });
  const env = {
    ...gitEnvironment(place.workTree),
    // An index of its own: the user's stays as it is, also if this is killed.
    GIT_INDEX_FILE: path.join(into, '..', `${path.basename(into)}.index`),
  };
  const git = async (...args: string[]) => {
    const all = ['--git-dir', place.folder, '--work-tree', into, '-c', 'core.hooksPath=/dev/null'];
    const options = { cwd: into, env, timeoutMs: 30_000, signal };
    const result = await runProgram('git', [...all, ...args], options).catch((error: unknown) => {
      if (signal?.aborted) throw error;
      return null;
    });
    return result?.exitCode === 0;
  };
  // After the colon: a path from the root of the tree, whatever it holds.
  const tree = `${ref}:${below.split(path.sep).join('/')}`;
  return (await git('read-tree', tree)) && (await git('checkout-index', '--all', '--force'));
}

/** Of a folder that is not there, its nearest parent's real path and the rest. */
async function nearestRealPath(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch {
    const parent = path.dirname(folder);
    return parent === folder
      ? folder
      : path.join(await nearestRealPath(parent), path.basename(folder));
  }
}
