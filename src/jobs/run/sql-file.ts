import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Target } from '../../features/target/open-target.js';

/**
 * Runs work with SQL that came with a job as a file in a private folder, which is the project of the work: a file that the SQL
 * would include does not lie in it. Removed afterwards.
 * @param work gets the target with the folder as its own, and the file's name there
 */
export async function withSqlFile<T>(
  target: Target,
  { sql, name }: { readonly sql: string; readonly name?: string | undefined },
  work: (target: Target, file: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'belay-sql-'));
  try {
    const file = fileName(name);
    await writeFile(path.join(folder, file), sql, { mode: 0o600 });
    return await work({ ...target, cwd: folder }, file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What reports call it: the given name as far as a file can have it. */
function fileName(name = ''): string {
  const plain = path
    .basename(name.replaceAll('\\', '/'))
    .replace(/\.sql$/i, '')
    .replace(/[^\w.-]+/g, '_')
    .replace(/^[.-]+/, '')
    .slice(0, 100);
  return `${plain === '' ? 'migration' : plain}.sql`;
}
