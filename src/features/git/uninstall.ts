import { uninstallHook } from './hook-file.js';
import { possibleHookFiles } from './hook-places.js';
import { type GitHooksOptions, requireGit } from './install.js';

export interface UninstalledGitHooks {
  readonly ok: true;
  /** Files out of which Belay's lines were taken. */
  readonly files: readonly string[];
}

/**
 * Takes Belay's lines out of the hooks of the repository, and nothing else: what was there before is there again, byte for
 * byte. Branches, and the current one, stay.
 *
 * @example
 * const { files } = await uninstallGitHooks({ cwd: process.cwd(), env: process.env });
 * @throws BelayError FILE_ERROR, TOOL_MISSING; USAGE outside a repository
 */
export async function uninstallGitHooks(options: GitHooksOptions): Promise<UninstalledGitHooks> {
  const place = await requireGit(options);
  const files: string[] = [];
  for (const file of await possibleHookFiles(place)) {
    if (await uninstallHook(file)) files.push(file);
  }
  return { ok: true, files };
}
