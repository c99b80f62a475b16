import { isUtf8 } from 'node:buffer';
import path from 'node:path';
import type { AppliedVersion, HistoryEntry } from '../../domain/history.js';
import type { AppliedMigration, MigrationFile } from '../../domain/migration.js';
import { type MigrationText, readMigrationTexts } from '../../domain/migration-files.js';
import { BelayError } from '../../errors.js';
import { openDatabaseHistory } from '../history/database-history.js';
import type { SchemaHistory } from '../history/schema-history.js';
import type { MigrationSource } from './migration-source.js';
import { listFiles, listFolders, readSource } from './tools/source-files.js';

export interface BelaySourceOptions {
  /** Folder that `directory` starts from and that names of files are relative to. */
  readonly cwd: string;
  /** Of the migrations, as a user writes it. */
  readonly directory: string;
  /** Where the applied ones are recorded; default: in the session's database. */
  readonly history?: SchemaHistory | undefined;
}

/** Migrations in SQL files, which Belay applies itself. */
export function belaySource({ cwd, directory, history }: BelaySourceOptions): MigrationSource {
  return {
    ...{ tool: 'belay', upCommand: 'belay migrate up', directory, ownRelations: [] },
    readFiles: () => readMigrationFiles(cwd, directory),
    readApplied: async (session) => {
      const entries = await (history ?? openDatabaseHistory(session)).read();
      return entries.length === 0 ? null : appliedMigrations(entries);
    },
    // What is in force is in the entry that a rollback writes.
    forget: async () => {},
  };
}

/**
 * The migrations of a folder, in the order in which they are applied; none without the folder.
 * @throws BelayError BAD_MIGRATION, FILE_ERROR
 */
async function readMigrationFiles(cwd: string, directory: string): Promise<MigrationFile[]> {
  const names = await listMigrationFiles(cwd, directory);
  const texts = names.map((name) => readText(cwd, directory, name));
  return readMigrationTexts((await Promise.all(texts)).flat());
}

/** The files in the folder and in the folders in it, sorted. */
export async function listMigrationFiles(cwd: string, directory: string): Promise<string[]> {
  const folders = await listFolders(cwd, directory);
  const inFolders = folders.map(async (folder) => {
    const names = await listFiles(cwd, path.join(directory, folder));
    return names.map((name) => `${folder}/${name}`);
  });
  return [...(await listFiles(cwd, directory)), ...(await Promise.all(inFolders)).flat()].sort();
}

async function readText(cwd: string, directory: string, name: string): Promise<MigrationText[]> {
  if (!name.endsWith('.sql')) return [];
  const file = path.join(directory, name).replaceAll(path.sep, '/');
  const source = await readSource(cwd, file);
  if (!source) return [];
  if (!isUtf8(source.bytes)) {
    throw new BelayError('BAD_MIGRATION', `${file} is not UTF-8`, {
      hint: 'Save it as UTF-8: PostgreSQL would take its letters for others.',
      details: { file },
    });
  }
  return [{ path: name, file, text: source.text }];
}

/** States that were recorded under a name of their own, and are no migrations. */
function statesWithoutMigration(entries: readonly HistoryEntry[]): Set<string> {
  const names = entries.filter(({ tool }) => tool === 'none').map(({ version }) => version);
  const migrations = entries.filter(({ tool }) => tool !== 'none');
  const real = new Set(migrations.map(({ version }) => version));
  return new Set(names.filter((name) => !real.has(name)));
}

/** The migrations in force by the history, with the scripts that were recorded, in the order of application. */
export function appliedMigrations(entries: readonly HistoryEntry[]): AppliedMigration[] {
  const states = statesWithoutMigration(entries);
  const inForce = entries.at(-1)?.applied ?? [];
  return inForce
    .filter(({ version }) => !states.has(version))
    .map(({ version, name }) => {
      const up = entries.findLast((entry) => entry.action === 'up' && entry.version === version);
      return {
        ...{ version, name, appliedAt: up?.at ?? null, checksum: up?.fileChecksum ?? null },
        ...{ up: up?.up ?? null, down: up?.down ?? null },
      };
    });
}

/** What stays in force without a migration: also without the states that were recorded after it. */
export function appliedWithout(
  applied: readonly AppliedVersion[],
  version: string,
  entries: readonly HistoryEntry[],
): AppliedVersion[] {
  const states = statesWithoutMigration(entries);
  const at = applied.findIndex((one) => one.version === version);
  return applied.filter((one, index) => index !== at && !(index > at && states.has(one.version)));
}
