import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { BelayError } from '../errors.js';

/** They are large, and change without the project's doing. */
const leftOut = new Set(['node_modules', '.git']);

const isPattern = (text: string): boolean => /[*?]/.test(text);

/** `**` also crosses folders, `*` and `?` do not. */
function toExpression(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/?|[*?]|[.+^${}()|[\]\\]/g, (part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    return part === '?' ? '[^/]' : `\\${part}`;
  });
  return new RegExp(`^${source}$`, 's');
}

/**
 * The files that paths and patterns mean, sorted, with `/`. A path of a folder means all files in it.
 * @throws BelayError USAGE where one of them means no file: a template would outlive what it was made from
 */
export async function findFiles(cwd: string, patterns: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const files = await filesOf(cwd, pattern.replace(/^\.\//, '').replace(/\/+$/, ''));
    if (files.length === 0) {
      throw new BelayError('USAGE', `no file in ${cwd} matches ${JSON.stringify(pattern)}`, {
        hint: 'Test databases are made anew when these files change: name the files of the migrations.',
        details: { pattern },
      });
    }
    for (const file of files) found.add(file);
  }
  return [...found].sort();
}

async function filesOf(cwd: string, pattern: string): Promise<string[]> {
  if (!isPattern(pattern)) {
    const known = await stat(path.resolve(cwd, pattern)).catch(() => undefined);
    if (!known) return [];
    return known.isDirectory() ? listBelow(cwd, pattern) : [pattern];
  }
  const fixed = pattern.slice(0, pattern.search(/[*?]/));
  const expression = toExpression(pattern);
  const folder = fixed.includes('/') ? fixed.slice(0, fixed.lastIndexOf('/')) : '.';
  return (await listBelow(cwd, folder || '/')).filter((file) => expression.test(file));
}

async function listBelow(cwd: string, folder: string): Promise<string[]> {
  const entries = await readdir(path.resolve(cwd, folder), { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map(async (entry): Promise<string[]> => {
      const name = folder === '.' ? entry.name : `${folder.replace(/\/$/, '')}/${entry.name}`;
      if (entry.isDirectory()) return leftOut.has(entry.name) ? [] : listBelow(cwd, name);
      return entry.isFile() || entry.isSymbolicLink() ? [name] : [];
    }),
  );
  return found.flat();
}
