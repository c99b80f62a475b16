import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { migrationNames } from '../../domain/migration-files.js';
import { migrationSlug, nextVersion } from '../../domain/migration-new.js';
import { BelayError } from '../../errors.js';
import { listMigrationFiles } from './belay-source.js';
import { findMigrationsFolder } from './migrations-folder.js';

export interface NewMigrationOptions {
  /** What it does, e.g. "add invoices". */
  readonly name: string;
  /** Folder of the migrations, from the working directory; default: the config's, else "migrations". */
  readonly directory?: string | undefined;
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Default: the clock. */
  readonly now?: Date | undefined;
}

export interface NewMigration {
  readonly version: string;
  readonly name: string;
  /** The folder of its two files, relative to that of the project. */
  readonly directory: string;
  readonly files: readonly string[];
}

const texts = {
  'up.sql': '-- What this migration does. All of it is one transaction.\n',
  'down.sql':
    '-- How it is taken back. Without a statement here `belay rollback` finds a way from the recorded schemas.\n',
};

/**
 * Makes the files of a new migration: `<version>_<name>/up.sql` and `down.sql`. Overwrites nothing.
 *
 * @example
 * await newMigration({ name: 'add invoices' });
 * // { version: '20261120103000', files: ['migrations/20261120103000_add_invoices/up.sql', …], … }
 * @throws BelayError BAD_NAME, MIGRATION_EXISTS, BAD_MIGRATION, FILE_ERROR
 */
export async function newMigration(options: NewMigrationOptions): Promise<NewMigration> {
  const { cwd = process.cwd(), env, directory: wanted, now = new Date() } = options;
  const name = migrationSlug(options.name);
  const folder = await findMigrationsFolder({ cwd, env, directory: wanted });
  const existing = migrationNames(await listMigrationFiles(folder.cwd, folder.directory));
  const same = existing.find((file) => file.name === name);
  if (same) throw exists(`${same.version}_${same.name}`);
  const versions = existing.map((file) => file.version);
  const version = nextVersion(versions, now);
  const directory = `${folder.directory}/${version}_${name}`;
  const at = path.resolve(folder.cwd, directory);
  try {
    await mkdir(path.dirname(at), { recursive: true });
    // Not recursive: of two at the same moment one is told.
    await mkdir(at);
    for (const [file, text] of Object.entries(texts)) {
      await writeFile(path.join(at, file), text, { flag: 'wx' });
    }
  } catch (error) {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw exists(directory);
    throw new BelayError('FILE_ERROR', `cannot write ${directory} (${code})`, {
      hint: 'Check that you may write to the folder of the migrations.',
      cause: error,
    });
  }
  return {
    version,
    name,
    directory,
    files: Object.keys(texts).map((file) => `${directory}/${file}`),
  };
}

function exists(what: string): BelayError {
  return new BelayError('MIGRATION_EXISTS', `there is a migration ${what} already`, {
    hint: 'Nothing was written. Choose another name.',
  });
}
