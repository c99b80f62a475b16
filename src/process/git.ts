import { resolve } from 'node:path';
import type { GitState } from '../domain/snapshot.js';
import { runProgram } from './run.js';

const timeoutMs = 2_000;

const statusArguments = [
  // Belay may run in a hook, or beside an editor: it must not take the index lock for a mere look.
  '--no-optional-locks',
  '--no-pager',
  // A repository's own config must not make a mere look run its programs.
  '-c',
  'core.fsmonitor=false',
  '-c',
  'core.untrackedCache=false',
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'status.submoduleSummary=false',
  'status',
  '--porcelain=v2',
  '--branch',
  '--untracked-files=no',
  '--ignore-submodules=dirty',
];

/**
 * Reads what `git status --porcelain=v2 --branch` prints.
 * @returns null where there is no commit yet
 */
export function parseGitStatus(text: string): GitState | null {
  const lines = text.split('\n').filter((line) => line !== '');
  const header = (name: string) =>
    lines.find((line) => line.startsWith(`# ${name} `))?.slice(name.length + 3);
  const commit = header('branch.oid');
  if (!commit || !/^[0-9a-f]{40,64}$/.test(commit)) return null;
  const head = header('branch.head');
  const branch = !head || head === '(detached)' ? null : head;
  return { branch, commit, dirty: lines.some((line) => !line.startsWith('#')) };
}

/**
 * Variables such as GIT_DIR, which git sets for its hooks, hold for the process's own folder. For
 * another one they would lead to the wrong repository.
 */
export function gitEnvironment(cwd: string): NodeJS.ProcessEnv {
  const isOwnFolder = resolve(cwd) === process.cwd();
  const inherited = Object.entries(process.env).filter(
    ([name]) => isOwnFolder || !repositoryVariables.has(name),
  );
  return { ...Object.fromEntries(inherited), LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' };
}

const repositoryVariables = new Set([
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_DIR',
  'GIT_INDEX_FILE',
  'GIT_NAMESPACE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_WORK_TREE',
]);

/**
 * Branch, commit and cleanness of the working tree that holds a folder.
 *
 * @returns null where there is no git, no repository, no commit yet, or no answer within 2 s: a
 * snapshot must not fail or wait for what is a mere note beside it
 */
export async function readGitState(cwd: string): Promise<GitState | null> {
  try {
    const env = gitEnvironment(cwd);
    const result = await runProgram('git', statusArguments, { cwd, env, timeoutMs });
    return result.exitCode === 0 ? parseGitStatus(result.stdout) : null;
  } catch {
    return null;
  }
}

const listArguments = [
  '--no-optional-locks',
  '-c',
  'core.fsmonitor=false',
  '-c',
  'core.untrackedCache=false',
  ...['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'],
];

/**
 * The files of a folder that git knows or would know: without those that `.gitignore` leaves out. Relative to the folder, with `/`.
 * @returns null where there is no git or no repository
 */
export async function listGitFiles(
  cwd: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<string[] | null> {
  try {
    const env = gitEnvironment(cwd);
    const options = { cwd, env, signal, timeoutMs: 30_000, maxOutputBytes: 256 * 1024 * 1024 };
    const result = await runProgram('git', listArguments, options);
    return result.exitCode === 0 ? result.stdout.split('\0').filter((name) => name !== '') : null;
  } catch (error) {
    if (signal?.aborted) throw error;
    return null;
  }
}
