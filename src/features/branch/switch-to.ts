import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import {
  type CurrentBranchPlace,
  currentBranchFile,
  forgetCurrentBranch,
  readCurrentBranchState,
  writeCurrentBranch,
} from '../../config/current-branch.js';
import { loadConfig } from '../../config/load-config.js';
import type { CurrentBranch } from '../../domain/current-branch.js';
import { withFolderLock } from '../../process/folder-lock.js';
import type { Target } from '../target/open-target.js';
import { type BranchVariable, branchUrlVariables } from './branch-environment.js';
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
  if (!branch) return leaveBranch(place);
  return changing(place, async () => {
    const current = currentOf(root, branch, gitBranch);
    const written = await writeUrl(place, (variable) => branchUrlVariables(root, branch, variable));
    await writeCurrentBranch(place, current);
    return { current, written };
  });
}

/**
 * Leads a working tree back to the target itself: forgets its current branch, and takes Belay's block out of the file
 * that the config names. Needs no server.
 *
 * @example
 * await leaveBranch({ cwd: process.cwd(), env: process.env });
 * @throws BelayError FILE_ERROR, BAD_CONFIG
 */
export async function leaveBranch(place: CurrentBranchPlace): Promise<SwitchedBranch> {
  return changing(place, async () => {
    const written = await writeUrl(place, () => null);
    await forgetCurrentBranch(place);
    return { current: null, written };
  });
}

/** Two checkouts at once must not leave the state of one and the URL of the other. */
async function changing(
  place: CurrentBranchPlace,
  change: () => Promise<{ current: CurrentBranch | null; written: WrittenEnvFile | null }>,
): Promise<SwitchedBranch> {
  const file = await currentBranchFile(place);
  await mkdir(path.dirname(file), { recursive: true });
  return withFolderLock(path.join(path.dirname(file), 'switch.lock'), async () => {
    const before = await readCurrentBranchState(place);
    const { current, written } = await change();
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
  place: CurrentBranchPlace,
  variablesFor: (variable: string | undefined) => readonly BranchVariable[] | null,
): Promise<WrittenEnvFile | null> {
  const loaded = await loadConfig(place);
  const { envFile, variable } = loaded?.config.branches ?? {};
  if (!loaded || envFile === undefined) return null;
  return writeEnvFile(path.resolve(loaded.directory, envFile), variablesFor(variable));
}
