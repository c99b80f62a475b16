import { gitEnvironment } from './git.js';
import type { GitPlace } from './git-place.js';
import { runProgram } from './run.js';

/** Where git looks for hooks, if not in the repository's own folder. */
export interface HooksPath {
  /** As it is written; from the top of the working tree where it is relative. */
  readonly path: string;
  /** "local" and "worktree" are the repository's; "global" and "system" hold for others too. */
  readonly scope: string;
}

/** Reads `core.hooksPath`. @returns null where it is not set, or git is too old to say where */
export async function readHooksPath(place: GitPlace): Promise<HooksPath | null> {
  const args = ['config', '--show-scope', '--type=path', '--get', 'core.hooksPath'];
  const result = await runProgram('git', args, {
    ...{ cwd: place.workTree, env: gitEnvironment(place.workTree), timeoutMs: 5_000 },
    ...{ errorCode: 'TOOL_MISSING', errorHint: 'Git is needed for its hooks: install it.' },
  });
  const [, scope, path] = /^(\w+)\t(.+)\n$/s.exec(result.stdout) ?? [];
  return scope === undefined || path === undefined ? null : { path, scope };
}
