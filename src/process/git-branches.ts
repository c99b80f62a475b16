import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { gitEnvironment } from './git.js';
import { findGitPlace, type GitPlace, readDefaultBranch } from './git-place.js';
import { runProgram } from './run.js';

/** A local branch of a repository. */
export interface LocalGitBranch {
  readonly name: string;
  readonly commit: string;
  /** Its last commit is part of the main branch; also of a branch on which nobody has committed yet. */
  readonly isMerged: boolean;
  /** Commits were made on it since it was created, by its reflog; null: there is none. */
  readonly hasOwnCommits: boolean | null;
  /** It followed a branch of a remote that is gone there: as a rule because it was merged, maybe as one commit. */
  readonly isGoneUpstream: boolean;
}

/** The local branches of a repository, as of now. */
export interface GitBranches {
  /** Real path of the repository's common git folder, as a branch's record has it. */
  readonly repository: string;
  readonly host: string;
  /** What "merged" is measured against; null: no branch is the main one, and none counts as merged. */
  readonly main: string | null;
  readonly branches: readonly LocalGitBranch[];
}

export interface ReadGitBranchesOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Names of main branches in the order of preference; default: the origin's default branch, "main", "master". */
  readonly main?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

const format = '%(refname:lstrip=2)%00%(objectname)%00%(upstream:track,nobracket)';

/**
 * Local branches, and which of them are merged.
 * @returns null where there is no repository, or git does not answer: then nothing can be said about any branch
 */
export async function readGitBranches(
  options: ReadGitBranchesOptions,
): Promise<GitBranches | null> {
  const { cwd, env = process.env, signal } = options;
  const place = await findGitPlace(cwd, env);
  if (!place) return null;
  const ask = (...args: string[]) => listRefs(place, args, signal);
  const rows = await ask('refs/heads');
  if (!rows) return null;
  const names = new Set(rows.map(([name]) => name));
  const preferred = options.main ?? [await readDefaultBranch(place), 'main', 'master'];
  const main = preferred.find((name) => name !== null && names.has(name)) ?? null;
  const mergedRows = main === null ? [] : await ask('--merged', `refs/heads/${main}`, 'refs/heads');
  if (!mergedRows) return null;
  const merged = new Set(mergedRows.map(([name]) => name));
  const branches = rows.map(
    async ([name, commit, track]): Promise<LocalGitBranch> => ({
      ...{ name, commit, isMerged: name !== main && merged.has(name) },
      ...{ hasOwnCommits: await hasOwnCommits(place, name), isGoneUpstream: track === 'gone' },
    }),
  );
  return {
    ...{ repository: place.commonFolder, host: hostname(), main },
    branches: await Promise.all(branches),
  };
}

async function listRefs(place: GitPlace, args: readonly string[], signal?: AbortSignal) {
  const all = ['--git-dir', place.folder, 'for-each-ref', `--format=${format}`, ...args];
  const result = await runProgram('git', all, {
    ...{ cwd: place.workTree, env: gitEnvironment(place.workTree), timeoutMs: 30_000, signal },
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    return null;
  });
  if (result?.exitCode !== 0) return null;
  const lines = result.stdout.split('\n').filter((line) => line !== '');
  return lines.map((line): [string, string, string] => {
    const [name = '', commit = '', track = ''] = line.split('\0');
    return [name, commit, track];
  });
}

/**
 * A branch that was only made is no merged work, though its last commit is in main. Its reflog tells; with the first
 * entry a branch is created, and by a reset or a pull it moves without a commit of its own.
 */
async function hasOwnCommits(place: GitPlace, branch: string): Promise<boolean | null> {
  const messages = await readReflog(place, branch);
  if (messages === null) return null;
  return messages.some((message) => /^(?:commit|rebase|cherry-pick|revert|am)\b/.test(message));
}

/** Messages of a branch's reflog, oldest first; null: it has none. */
async function readReflog(place: GitPlace, branch: string): Promise<string[] | null> {
  const file = path.join(place.commonFolder, 'logs', 'refs', 'heads', branch);
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.slice(line.indexOf('\t') + 1));
}

/**
 * The names that a branch had before `git branch -m`, the last one first.
 * @returns none where it was never renamed, or has no reflog
 */
export async function readFormerNames(place: GitPlace, branch: string): Promise<string[]> {
  const messages = (await readReflog(place, branch)) ?? [];
  const former = messages.flatMap((message) => {
    const match = /^Branch: renamed refs\/heads\/(.+) to refs\/heads\/.+$/.exec(message);
    return match?.[1] === undefined ? [] : [match[1]];
  });
  return [...new Set(former.reverse())].filter((name) => name !== branch);
}

/** Whether a local branch is there now; null: git does not answer. */
export async function hasGitBranch(place: GitPlace, branch: string): Promise<boolean | null> {
  const args = ['--git-dir', place.folder, 'show-ref', '--verify', '--quiet'];
  const result = await runProgram('git', [...args, `refs/heads/${branch}`], {
    ...{ cwd: place.workTree, env: gitEnvironment(place.workTree), timeoutMs: 2_000 },
  }).catch(() => null);
  if (!result || (result.exitCode !== 0 && result.exitCode !== 1)) return null;
  return result.exitCode === 0;
}
