import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { CodeMention, CodeName } from '../../domain/codebase/code-name.js';
import { byConfidence, findMentions, isSearched } from '../../domain/codebase/find-mentions.js';
import { BelayError } from '../../errors.js';
import { findSqlMentions } from '../../postgres/sql-mentions.js';
import { listGitFiles } from '../../process/git.js';

export interface SearchCodebaseOptions {
  readonly signal?: AbortSignal | undefined;
  /** Most mentions that are given, the surest first; default 500. */
  readonly limit?: number | undefined;
  /** Absolute paths of files that are not looked at: those that are planned. */
  readonly except?: readonly string[] | undefined;
}

export interface CodebaseSearch {
  /** The surest first. */
  readonly mentions: readonly CodeMention[];
  readonly filesSearched: number;
  readonly notes: readonly string[];
}

/** Larger files are made by programs. */
const maxFileBytes = 1024 * 1024;
const defaultLimit = 500;

/** What others wrote, what was built, and what tells how the schema came to be: they name everything that ever was. */
const skipped =
  /(?:^|\/)(?:node_modules|vendor|bower_components|\.[^/]+|dist|build|out|target|coverage|__pycache__|venv|migrations?|migrate)\//;
const generated = /\.(?:min\.[a-z]+|d\.ts|map)$|(?:^|\/)(?:structure\.sql|schema\.rb)$/;

/**
 * Finds where an application still names tables and columns that go away: in SQL in strings and `.sql` files, in schemas of
 * ORMs, and by their words. A hint and never a proof: names that a program puts together are not found, and a word may mean
 * something else.
 *
 * @example
 * const { mentions } = await searchCodebase('.', goneNames(plan));
 * @throws BelayError FILE_ERROR where there is no such folder; INTERRUPTED
 */
export async function searchCodebase(
  directory: string,
  names: readonly CodeName[],
  { signal, limit = defaultLimit, except = [] }: SearchCodebaseOptions = {},
): Promise<CodebaseSearch> {
  await requireFolder(directory);
  const nothing = { mentions: [], filesSearched: 0, notes: [] };
  if (names.length === 0) return nothing;
  const left = new Set(except);
  const all = await listCode(directory, signal);
  const files = all.filter((file) => !left.has(path.resolve(directory, file)));
  const mentions: CodeMention[] = [];
  for (const file of files) {
    if (signal?.aborted)
      throw new BelayError('INTERRUPTED', 'interrupted while searching the code');
    const text = await readCode(path.join(directory, file));
    if (text !== undefined)
      mentions.push(...(await findMentions({ file, text }, names, findSqlMentions)));
  }
  mentions.sort(byConfidence);
  const tooMany = mentions.length - limit;
  const notes = [
    'code is searched by names: what it puts together at run time is not found, and a word may mean something else',
    ...(tooMany > 0 ? [`${tooMany} less sure places were left out`] : []),
  ];
  return { mentions: mentions.slice(0, limit), filesSearched: files.length, notes };
}

async function requireFolder(directory: string): Promise<void> {
  const found = await stat(directory).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new BelayError('FILE_ERROR', `there is no folder ${directory}`, {
    hint: 'Name the folder of the application with --codebase.',
    details: { directory },
  });
}

/** The files of a program, sorted; without what git ignores where there is git. */
async function listCode(directory: string, signal: AbortSignal | undefined): Promise<string[]> {
  const names = (await listGitFiles(directory, { signal })) ?? (await walk(directory));
  return names
    .filter((name) => isSearched(name) && !skipped.test(name) && !generated.test(name))
    .sort();
}

async function walk(directory: string, inside = ''): Promise<string[]> {
  const entries = await readdir(path.join(directory, inside), { withFileTypes: true }).catch(
    () => [],
  );
  const names: string[] = [];
  for (const entry of entries) {
    const name = inside === '' ? entry.name : `${inside}/${entry.name}`;
    // Links are not followed: they may lead out of the folder, or round in a circle.
    if (entry.isDirectory() && !skipped.test(`${name}/`))
      names.push(...(await walk(directory, name)));
    else if (entry.isFile()) names.push(name);
  }
  return names;
}

/** Undefined: too large, binary, a link, or gone since it was listed. */
async function readCode(file: string): Promise<string | undefined> {
  try {
    const info = await lstat(file);
    if (!info.isFile() || info.size > maxFileBytes) return undefined;
    const bytes = await readFile(file);
    return bytes.includes(0) ? undefined : bytes.toString('utf8');
  } catch {
    return undefined;
  }
}
