import path from 'node:path';
import { loadConfig } from '../../config/load-config.js';
import { type GitHook, gitHooks, type HookCall } from '../../domain/git-hook-script.js';
import { BelayError } from '../../errors.js';
import { findGitPlace, type GitPlace } from '../../process/git-place.js';
import { installHook, installLefthook, readHookFile } from './hook-file.js';
import { findHookPlaces, type HookManager, type HookPlace } from './hook-places.js';

export interface GitHooksOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

export interface InstallGitHooksOptions extends GitHooksOptions {
  /** Paths of Node.js and of the program, for where neither the project nor PATH has Belay. */
  readonly program: readonly [node: string, script: string];
}

/** The file that has the lines of a hook. */
export interface InstalledHook {
  readonly hook: GitHook;
  readonly file: string;
  readonly manager: HookManager;
  /** False where it was there already. */
  readonly changed: boolean;
}

export interface InstalledGitHooks {
  readonly ok: true;
  readonly hooks: readonly InstalledHook[];
  /** What is left to do by hand, and why. */
  readonly notes: readonly string[];
}

/**
 * Makes `git checkout` lead to the database of the git branch, by lines in the hooks of the repository. Hooks of others,
 * of husky, lefthook and pre-commit too, go on as before. For all working trees of the repository.
 *
 * @example
 * await installGitHooks({ cwd: process.cwd(), env: process.env, program: [process.execPath, '/usr/bin/belay'] });
 * @throws BelayError HOOKS_TAKEN, FILE_ERROR, TOOL_MISSING; USAGE outside a repository
 */
export async function installGitHooks(options: InstallGitHooksOptions): Promise<InstalledGitHooks> {
  const place = await requireGit(options);
  const places = await findHookPlaces(place);
  const folder = await projectFolderOf(place, options);
  const calls = places.map(
    ({ hook, isShared }): HookCall => ({
      hook,
      folder,
      program: isShared ? null : options.program,
    }),
  );
  const hooks = await putAll(places, calls);
  return { ok: true, hooks, notes: await notesOf(place, places) };
}

/** @throws BelayError USAGE */
export async function requireGit({ cwd, env }: GitHooksOptions): Promise<GitPlace> {
  const place = await findGitPlace(cwd, env);
  if (place) return place;
  throw new BelayError('USAGE', `${cwd} is in no git repository`, {
    hint: 'Run it in a working tree; `git init` makes one.',
  });
}

/** The config may lie below the top of the working tree, where git runs hooks. */
async function projectFolderOf(place: GitPlace, options: GitHooksOptions): Promise<string> {
  const loaded = await loadConfig(options);
  if (!loaded) return '';
  const folder = path.relative(place.workTree, loaded.directory);
  return folder.startsWith('..') ? '' : folder.replaceAll(path.sep, '/');
}

async function putAll(
  places: readonly HookPlace[],
  calls: readonly HookCall[],
): Promise<InstalledHook[]> {
  const [first] = places;
  if (first?.manager === 'lefthook') {
    const changed = await installLefthook(first.file, calls);
    return places.map(({ hook, file, manager }) => ({ hook, file, manager, changed }));
  }
  const done: InstalledHook[] = [];
  for (const [index, place] of places.entries()) {
    const changed = await installHook(place, calls[index] as HookCall);
    const { hook, file, manager } = place;
    done.push({ hook, file, manager, changed });
  }
  return done;
}

async function notesOf(place: GitPlace, places: readonly HookPlace[]): Promise<string[]> {
  const shared = places.filter(({ isShared }) => isShared);
  const names = shared.map(({ file }) => path.relative(place.workTree, file)).join(', ');
  const notes =
    shared.length === 0 ? [] : [`${names}: part of the working tree, so commit it for the team`];
  if (places[0]?.manager === 'lefthook' && !(await lefthookRuns(place))) {
    notes.push('lefthook has no hook for checkouts yet: run `lefthook install`');
  }
  return notes;
}

/** Whether lefthook's own hooks are in place, which read its files at every run. */
export async function lefthookRuns({ commonFolder }: GitPlace): Promise<boolean> {
  const files = gitHooks.map((hook) => readHookFile(path.join(commonFolder, 'hooks', hook)));
  return (await Promise.all(files)).every((text) => text?.includes('lefthook') ?? false);
}
