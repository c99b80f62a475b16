import { BelayError } from '../../../errors.js';
import type { NamedFile } from './named-source.js';
import {
  checksumOf,
  listFolders,
  readSource,
  type SourceFile,
  wayDown,
  wholeScript,
} from './source-files.js';

/**
 * Reads the layout that Prisma and newer versions of Drizzle have, a folder with a `migration.sql` for each migration, in
 * the order of the folders' names. Somebody may have put a `down.sql` beside it.
 */
export async function readMigrationFolders(
  cwd: string,
  directory: string | null,
): Promise<NamedFile[]> {
  if (directory === null) return [];
  const files: NamedFile[] = [];
  for (const whole of await listFolders(cwd, directory)) {
    const source = await readSource(cwd, `${directory}/${whole}/migration.sql`);
    if (!source) continue;
    const down = await readSource(cwd, `${directory}/${whole}/down.sql`);
    files.push({
      ...{ whole, source, up: wholeScript(source), down: wayDown(down && wholeScript(down)) },
      checksum: checksumOf(source.bytes),
    });
  }
  return files;
}

/** A file that another one names, such as the journal of Drizzle. */
export async function readNamedSource(
  cwd: string,
  file: string,
  namedBy: string,
): Promise<SourceFile> {
  const source = await readSource(cwd, file);
  if (source) return source;
  throw new BelayError('BAD_MIGRATION', `${namedBy} names ${file}, and there is no such file`, {
    hint: `Put the file back, or take it out of ${namedBy} with the tool that wrote it.`,
    details: { file },
  });
}
