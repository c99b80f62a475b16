import path from 'node:path';
import type { MigrationFile } from '../../domain/migration.js';
import { BelayError } from '../../errors.js';
import { belaySource, listMigrationFiles } from '../migration/belay-source.js';
import { findMigrationSource } from '../migration/find-source.js';
import { detectMigrationTools } from '../project/detect-migration-tool.js';

/** What a folder of SQL holds. */
export type SqlFolder =
  | { readonly kind: 'migrations'; readonly files: readonly MigrationFile[] }
  /** Files without versions, in the order of their names. */
  | { readonly kind: 'files'; readonly files: readonly string[] };

/**
 * Reads a folder as the tool would whose migrations lie in it: by the project's config and files, else by what lies in the folder.
 * @throws BelayError MIGRATIONS_NOT_FOUND where there is no SQL in it; BAD_MIGRATION, FILE_ERROR
 */
export async function readSqlFolder(cwd: string, directory: string): Promise<SqlFolder> {
  const names = await listMigrationFiles(cwd, directory);
  if (!names.some((name) => name.endsWith('.sql'))) {
    throw new BelayError('MIGRATIONS_NOT_FOUND', `there is no SQL in the folder ${directory}`, {
      hint: 'Name a folder with files that end in .sql, or a single file.',
      details: { directory },
    });
  }
  const tool = await toolOf(cwd, directory, names);
  if (tool !== undefined) {
    const source = await findMigrationSource({ cwd, config: { tool, directory } });
    if (source) return { kind: 'migrations', files: await source.readFiles() };
  }
  // One file with a version: then the others lack theirs, which their owner wants to know.
  const isVersioned = names.some((name) => /^\d/.test(name) && /\.sql$/.test(name));
  if (isVersioned) {
    return { kind: 'migrations', files: await belaySource({ cwd, directory }).readFiles() };
  }
  const files = names.filter((name) => name.endsWith('.sql') && !/(?:^|\/)\./.test(name));
  return { kind: 'files', files: files.map((name) => path.posix.join(slashes(directory), name)) };
}

const slashes = (name: string): string => name.replaceAll(path.sep, '/');

/** Undefined: plain files. */
async function toolOf(
  cwd: string,
  directory: string,
  names: readonly string[],
): Promise<string | undefined> {
  const at = path.resolve(cwd, directory);
  const tools = await detectMigrationTools(cwd);
  const known = tools.find((one) => one.directory && path.resolve(cwd, one.directory) === at);
  if (known) return known.tool;
  if (names.includes('meta/_journal.json')) return 'drizzle';
  if (names.some((name) => /^\d+_[^/]*\/migration\.sql$/.test(name))) return 'prisma';
  if (names.some((name) => /^[VU]\d[\d._]*__.+\.sql$/.test(name))) return 'flyway';
  return undefined;
}
