import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { isBlankSql } from '../../../domain/blank-sql.js';
import type { MigrationScript } from '../../../domain/migration.js';
import { BelayError } from '../../../errors.js';

/** A file of a project's migrations. */
export interface SourceFile {
  /** Relative to the project, with `/`. */
  readonly file: string;
  readonly bytes: Buffer;
  /** Without a byte order mark, which PostgreSQL takes for a part of the first statement. */
  readonly text: string;
}

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

function unreadable(what: string, error: unknown): BelayError {
  const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
  return new BelayError('FILE_ERROR', `cannot read ${what} (${code})`, {
    hint: 'Check that you may read the folder of the migrations and the files in it.',
    cause: error,
  });
}

/** Names of the files in a folder and those below it, with `/`; none where the folder is not there. */
export async function listFiles(
  cwd: string,
  folder: string,
  { recursive = false } = {},
): Promise<string[]> {
  try {
    const entries = await readdir(path.resolve(cwd, folder), { withFileTypes: true, recursive });
    const root = path.resolve(cwd, folder);
    return entries
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
      .map((name) => name.replaceAll(path.sep, '/'));
  } catch (error) {
    if (isMissing(error)) return [];
    throw unreadable(folder, error);
  }
}

/** Names of the folders in a folder, sorted; none where it is not there. */
export async function listFolders(cwd: string, folder: string): Promise<string[]> {
  try {
    const entries = await readdir(path.resolve(cwd, folder), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
    return folders.map(({ name }) => name).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw unreadable(folder, error);
  }
}

/** Reads a file; undefined where it is not there. */
export async function readSource(cwd: string, file: string): Promise<SourceFile | undefined> {
  try {
    const bytes = await readFile(path.resolve(cwd, file));
    return { file, bytes, text: bytes.toString('utf8').replace(/^\uFEFF/, '') };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(file, error);
  }
}

/** The whole file as a script. */
export function wholeScript({ file, text }: SourceFile): MigrationScript {
  return { file, line: 1, sql: text, inTransaction: true };
}

/** A script that takes something back; null for one without a statement, which would take back nothing. */
export function wayDown(script: MigrationScript | undefined): MigrationScript | null {
  return script && !isBlankSql(script.sql) ? script : null;
}

function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** What tells that a file was changed: the same whatever the line ends, which a checkout may change. */
export function checksumOf(data: Buffer | string): string {
  return sha256(data.toString().replaceAll('\r\n', '\n'));
}

/** Whether a tool's own SHA-256 is the one of a file, with whatever line ends it had when the tool took it. */
export function isChecksumOf(checksum: string, { bytes }: SourceFile): boolean {
  const unix = bytes.toString().replaceAll('\r\n', '\n');
  return [bytes, unix, unix.replaceAll('\n', '\r\n')].some((data) => sha256(data) === checksum);
}
