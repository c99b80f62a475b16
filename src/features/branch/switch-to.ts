import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import {
  currentBranchFile,
  forgetCurrentBranch,
  readCurrentBranchState,
  writeCurrentBranch,
} from '../../config/current-branch.js';
import { loadConfig } from '../../config/load-config.js';
import type { CurrentBranch } from '../../domain/current-branch.js';
import { withFolderLock } from '../../process/folder-lock.js';
import type { Target } from '../target/open-target.js';
import { branchUrlVariables } from './branch-environment.js';
import type { FoundBranch } from './driver.js';
import { type WrittenEnvFile, writeEnvFile } from './write-env-file.js';

export interface SwitchToBranchOptions {
  /** The working tree, or a folder in it. Default: the target's. */
  readonly cwd?: string | undefined;
  /** The git branch for which it is done; null or undefined: a person has asked for it. */
  readonly gitBranch?: string | null | undefined;
}

export interface SwitchedBranch {
  /** What is current now; null: the target itself. */
  readonly current: CurrentBranch | null;
  /** Name of what was current before; null: the target itself. */
  readonly previous: string | null;
  /** The file that has its URL now, or has lost it; null: the config names none. */
  readonly envFile: string | null;
  readonly warnings: readonly string[];
}

/**
 * Makes a branch the current one of a working tree; null leads back to the target itself. Writes the URL into the file
 * that the config names (`branches.envFile`). Changes no database.
 *
 * @example
 * await switchToBranch(root, await findBranch(root, 'invoices'));
 * @throws BelayError FILE_ERROR, BAD_CONFIG
 */
export async function switchToBranch(
  root: Target,
  branch: FoundBranch | null,
  { cwd = root.cwd, gitBranch = null }: SwitchToBranchOptions = {},
): Promise<SwitchedBranch> {
  const place = { cwd, env: root.env };
  const file = await currentBranchFile(place);
  await mkdir(path.dirname(file), { recursive: true });
  // Two checkouts at once must not leave the state of one and the URL of the other.
  return withFolderLock(path.join(path.dirname(file), 'switch.lock'), async () => {
    const before = await readCurrentBranchState(place);
    const current = branch && currentOf(root, branch, gitBranch);
    const written = await writeUrl(root, branch, cwd);
    if (current) await writeCurrentBranch(place, current);
    else await forgetCurrentBranch(place);
    const unreadable =
      before.type === 'unreadable' ? [`${before.file} could not be read, and was replaced`] : [];
    return {
      current,
      previous: before.type === 'branch' ? before.current.name : null,
      envFile: written?.file ?? null,
      warnings: [...unreadable, ...(written?.warnings ?? [])],
    };
  });
}

function currentOf(
  target: Target,
  { record, settings, folder }: FoundBranch,
  gitBranch: string | null,
): CurrentBranch {
  const { name, id, isolation, database, schema } = record;
  // As it is reached from here: whoever made the branch may know the server by another name.
  const root = { server: target.server, database: target.database };
  const options = isolation === 'schema' ? settings.options : undefined;
  return {
    ...{ name, id, isolation, root, database, schema },
    ...(options === undefined ? {} : { options }),
    ...{ folder, gitBranch, switchedAt: new Date().toISOString() },
  };
}

async function writeUrl(
  root: Target,
  branch: FoundBranch | null,
  cwd: string,
): Promise<WrittenEnvFile | null> {
  const loaded = await loadConfig({ cwd, env: root.env });
  const { envFile, variable } = loaded?.config.branches ?? {};
  if (!loaded || envFile === undefined) return null;
  const variables = branch && branchUrlVariables(root, branch, variable);
  return writeEnvFile(path.resolve(loaded.directory, envFile), variables);
}
