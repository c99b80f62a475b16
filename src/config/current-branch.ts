import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { branchIsolations } from '../domain/branch.js';
import type { CurrentBranch } from '../domain/current-branch.js';
import { BelayError } from '../errors.js';
import { findGitPlace, type GitPlace } from '../process/git-place.js';
import { configFileName } from './config.js';
import { dataHome } from './data-home.js';
import { projectFolders } from './project-folders.js';

const stateFormat = 1;
const fileName = 'current-branch.json';

/** Whose current branch is meant. */
export interface CurrentBranchPlace {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** What the file of a working tree says. */
export type CurrentBranchState =
  | { readonly type: 'none'; readonly file: string }
  | { readonly type: 'branch'; readonly file: string; readonly current: CurrentBranch }
  /** Half-written, of a later Belay, or not Belay's: as good as none, and worth a word. */
  | { readonly type: 'unreadable'; readonly file: string };

/** Reads the file, and says when it is no good. */
export async function readCurrentBranchState(
  place: CurrentBranchPlace,
): Promise<CurrentBranchState> {
  const file = await currentBranchFile(place);
  return readState(file);
}

/** The branch that a working tree works on; null: the target itself. A file that cannot be read counts as none. */
export async function readCurrentBranch(place: CurrentBranchPlace): Promise<CurrentBranch | null> {
  const state = await readCurrentBranchState(place);
  return state.type === 'branch' ? state.current : null;
}

/** Makes a branch the current one of the working tree, in one step: whoever reads sees the old one or the new. */
export async function writeCurrentBranch(
  place: CurrentBranchPlace,
  current: CurrentBranch,
): Promise<void> {
  const file = await currentBranchFile(place);
  const aside = `${file}.${process.pid}.new`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    const handle = await open(aside, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify({ belay: stateFormat, ...current }, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(aside, file);
  } catch (error) {
    await rm(aside, { force: true }).catch(() => {});
    throw unwritable(file, error);
  }
}

/** Goes back to the target itself. */
export async function forgetCurrentBranch(place: CurrentBranchPlace): Promise<void> {
  const file = await currentBranchFile(place);
  await rm(file, { force: true }).catch((error: unknown) => {
    throw unwritable(file, error);
  });
}

/** A working tree that works on a branch. */
export interface WorkTreeBranch {
  /** Its git folder, or the folder of a project without git. */
  readonly folder: string;
  readonly current: CurrentBranch;
}

/** The current branches of all working trees of a repository that still exist. */
export async function readCurrentBranches(
  place: CurrentBranchPlace,
): Promise<readonly WorkTreeBranch[]> {
  const git = await findGitPlace(place.cwd, place.env);
  const folders = git ? await gitFolders(git) : [path.dirname(await currentBranchFile(place))];
  const states = folders.map(async (folder) => {
    const file = git ? path.join(folder, 'belay', fileName) : path.join(folder, fileName);
    const state = await readState(file);
    return state.type === 'branch' ? [{ folder, current: state.current }] : [];
  });
  return (await Promise.all(states)).flat();
}

async function gitFolders({ commonFolder }: GitPlace): Promise<string[]> {
  const linked = path.join(commonFolder, 'worktrees');
  const names = await readdir(linked).catch(() => []);
  const alive = names.map(async (name) => {
    const folder = path.join(linked, name);
    // A working tree that was removed by hand stays listed until git prunes it.
    const gitFile = (await readFile(path.join(folder, 'gitdir'), 'utf8').catch(() => '')).trim();
    const isThere = await readFile(path.resolve(folder, gitFile), 'utf8').catch(() => null);
    return isThere === null ? [] : [folder];
  });
  return [commonFolder, ...(await Promise.all(alive)).flat()];
}

/** In the working tree's own git folder; without git, in Belay's data folder under the project's folder. */
export async function currentBranchFile({ cwd, env }: CurrentBranchPlace): Promise<string> {
  const git = await findGitPlace(cwd, env);
  if (git) return path.join(git.folder, 'belay', fileName);
  const folder = await projectFolder(cwd, env);
  const key = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  return path.join(dataHome(env), 'current', key, fileName);
}

/** The nearest folder with a config, else the folder itself. */
async function projectFolder(cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  for (const folder of await projectFolders(cwd, env)) {
    const config = await readFile(path.join(folder, configFileName)).catch(() => null);
    if (config) return folder;
  }
  return path.resolve(cwd);
}

async function readState(file: string): Promise<CurrentBranchState> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return { type: ['ENOENT', 'ENOTDIR'].includes(code) ? 'none' : 'unreadable', file };
  }
  const current = parseCurrentBranch(text);
  return current ? { type: 'branch', file, current } : { type: 'unreadable', file };
}

function parseCurrentBranch(text: string): CurrentBranch | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { belay, ...rest } = value as Record<string, unknown>;
  return belay === stateFormat && isCurrentBranch(rest) ? rest : null;
}

function isCurrentBranch(value: Partial<CurrentBranch>): value is CurrentBranch {
  const isTextOrNull = (one: unknown) => one === null || typeof one === 'string';
  return (
    typeof value.name === 'string' &&
    typeof value.id === 'string' &&
    branchIsolations.some((isolation) => isolation === value.isolation) &&
    typeof value.root?.server === 'string' &&
    typeof value.root.database === 'string' &&
    typeof value.database === 'string' &&
    [value.schema, value.folder, value.gitBranch, value.options ?? null].every(isTextOrNull) &&
    typeof value.switchedAt === 'string'
  );
}

function unwritable(file: string, error: unknown): BelayError {
  const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
  return new BelayError('FILE_ERROR', `cannot write ${file} (${code})`, {
    hint: 'It remembers the current branch: check the rights of its folder, and that the disk is not full.',
    cause: error,
  });
}
