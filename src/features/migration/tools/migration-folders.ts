import { BelayError } from '../../../errors.js';
import type { NamedFile } from './named-source.js';
import { listFolders, readSource, type SourceFile, sha256, wholeScript } from './source-files.js';

/** A migration that is a folder with a `migration.sql`, and perhaps a `down.sql` that somebody put beside it. */
export interface FolderFile extends NamedFile {
  readonly source: SourceFile;
}

/** Reads the layout that Prisma and newer versions of Drizzle have, in the order of the folders' names. */
export async function readMigrationFolders(
  cwd: string,
  directory: string | null,
): Promise<FolderFile[]> {
  if (directory === null) return [];
  const files: FolderFile[] = [];
  for (const whole of await listFolders(cwd, directory)) {
    const source = await readSource(cwd, `${directory}/${whole}/migration.sql`);
    if (!source) continue;
    const down = await readSource(cwd, `${directory}/${whole}/down.sql`);
    files.push({
      ...{ whole, source, up: wholeScript(source), down: down ? wholeScript(down) : null },
      checksum: sha256(source.bytes),
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
