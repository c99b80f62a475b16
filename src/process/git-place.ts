import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { runProgram } from './run.js';

/** Where a working tree and its repository are. */
export interface GitPlace {
  /** The folder in which `.git` lies. */
  readonly workTree: string;
  /** The working tree's own git folder: `.git`, or `.git/worktrees/NAME` of the repository. */
  readonly folder: string;
  /** The git folder that all working trees of the repository share, as a real path. */
  readonly commonFolder: string;
  /** Made by `git worktree add`. */
  readonly isLinked: boolean;
}

/**
 * Finds the working tree that holds a folder by reading `.git`, without starting git: hooks and prompts ask often.
 * `GIT_DIR` counts for the process's own folder only: in a hook it is set for the hook's repository.
 * @returns null where there is none
 */
export async function findGitPlace(
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<GitPlace | null> {
  const start = path.resolve(cwd);
  if (env.GIT_DIR && start === process.cwd()) {
    const workTree = path.resolve(start, env.GIT_WORK_TREE ?? '.');
    return placeOf(workTree, path.resolve(start, env.GIT_DIR));
  }
  for (let folder = start; ; folder = path.dirname(folder)) {
    const found = await gitFolderIn(folder);
    if (found) return placeOf(folder, found);
    if (folder === path.dirname(folder)) return null;
  }
}

/** `.git` is the folder itself, or a file that names it (a linked working tree, a submodule). */
async function gitFolderIn(folder: string): Promise<string | null> {
  const entry = path.join(folder, '.git');
  const found = await stat(entry).catch(() => null);
  if (!found) return null;
  if (found.isDirectory()) {
    // An empty folder of this name is nothing to git.
    return (await isThere(path.join(entry, 'HEAD'))) ? entry : null;
  }
  const text = await readText(entry);
  const target = /^gitdir: (.+?)\r?\n?$/s.exec(text ?? '')?.[1];
  return target === undefined ? null : path.resolve(folder, target);
}

async function placeOf(workTree: string, folder: string): Promise<GitPlace | null> {
  if (!(await isThere(path.join(folder, 'HEAD')))) return null;
  const common = (await readText(path.join(folder, 'commondir')))?.trim();
  const commonFolder = common ? path.resolve(folder, common) : folder;
  const [own, shared] = await Promise.all([realpath(folder), realpath(commonFolder)]);
  return { workTree, folder: own, commonFolder: shared, isLinked: own !== shared };
}

/** What HEAD of a working tree says. */
export interface GitHead {
  /** Null: detached. A branch without a commit has a name already. */
  readonly branch: string | null;
}

/** Reads which branch is checked out. @returns null where HEAD cannot be read */
export async function readGitHead(place: GitPlace): Promise<GitHead | null> {
  const text = await readText(path.join(place.folder, 'HEAD'));
  if (text === undefined) return null;
  const branch = branchOf(text.trim());
  // What a repository in the newer format has in this file, for programs that only look at it.
  return branch === '.invalid' ? askForHead(place) : { branch };
}

const branchOf = (text: string) => /^ref: refs\/heads\/(.+)$/.exec(text)?.[1] ?? null;

async function askForHead(place: GitPlace): Promise<GitHead | null> {
  const args = ['--git-dir', place.folder, 'symbolic-ref', '--quiet', 'HEAD'];
  const result = await runProgram('git', args, { cwd: place.workTree, timeoutMs: 2_000 }).catch(
    () => null,
  );
  if (!result) return null;
  return { branch: branchOf(`ref: ${result.stdout.trim()}`) };
}

/** What git is in the middle of in a working tree; null: nothing that moves HEAD about. */
export async function readGitOperation(place: GitPlace): Promise<'rebase' | 'bisect' | null> {
  const marks = [
    ['rebase-merge', 'rebase'],
    ['rebase-apply', 'rebase'],
    ['BISECT_LOG', 'bisect'],
  ] as const;
  for (const [file, operation] of marks) {
    if (await isThere(path.join(place.folder, file))) return operation;
  }
  return null;
}

/** Whether the last thing that happened to HEAD was the clone of the repository. */
export async function isFreshClone(place: GitPlace): Promise<boolean> {
  const log = await readText(path.join(place.folder, 'logs', 'HEAD'));
  const last = log?.trimEnd().split('\n').at(-1);
  return last === undefined || last === '' || /\tclone: /.test(last);
}

/** The branch that the repository's origin has for its default; null: not known. */
export async function readDefaultBranch(place: GitPlace): Promise<string | null> {
  const file = path.join(place.commonFolder, 'refs', 'remotes', 'origin', 'HEAD');
  const text = (await readText(file))?.trim() ?? '';
  return /^ref: refs\/remotes\/origin\/(.+)$/.exec(text)?.[1] ?? null;
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

async function readText(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}
