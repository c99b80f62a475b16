import type { HistoryEntry } from '../../domain/history.js';
import type { MigrationFile } from '../../domain/migration.js';
import type { MigrationSituation } from '../../domain/migration-plan.js';
import { BelayError } from '../../errors.js';
import { type HistoryAccess, withHistory } from '../schema/with-history.js';
import type { Target } from '../target/open-target.js';
import { appliedMigrations, belaySource } from './belay-source.js';
import { findMigrationSource, toolsWithoutReader } from './find-source.js';
import type { MigrationSource } from './migration-source.js';
import { findMigrationsFolder, type MigrationsFolder } from './migrations-folder.js';

export interface OwnMigrationsOptions {
  /** Folder of the migrations, from the working directory; default: the config's, else "migrations". */
  readonly directory?: string | undefined;
  /** The tool that applies the project's migrations; null: Belay does. Default: what config, project and database show. */
  readonly otherTool?: Pick<MigrationSource, 'tool' | 'upCommand'> | null | undefined;
  /** Other files than all of the project's: read from another folder, under the project's names, and only some. */
  readonly files?: OtherFiles | undefined;
}

export interface OtherFiles {
  /** Stands for the folder of the project. */
  readonly cwd: string;
  /** Whether a version is one of them. */
  readonly accepts: (version: string) => boolean;
}

/** The files of a project, before anybody connects. */
export interface OwnFiles {
  readonly folder: MigrationsFolder;
  readonly files: readonly MigrationFile[];
}

/** A project's own migrations, and a database that they are for. */
export interface OwnMigrations extends OwnFiles, HistoryAccess {
  readonly entries: readonly HistoryEntry[];
  readonly situation: MigrationSituation;
}

/** @throws BelayError BAD_MIGRATION, FILE_ERROR, BAD_CONFIG */
export async function readOwnFiles(
  { cwd, env }: Pick<Target, 'cwd' | 'env'>,
  { directory, files: others }: OwnMigrationsOptions,
): Promise<OwnFiles> {
  const found = await findMigrationsFolder({ cwd, env, directory });
  if (!others) return { folder: found, files: await belaySource(found).readFiles() };
  const folder = { ...found, cwd: others.cwd };
  const files = await belaySource(folder).readFiles();
  return { folder, files: files.filter(({ version }) => others.accepts(version)) };
}

/**
 * Opens the target's database beside the project's own files.
 * @throws BelayError OTHER_TOOL; HISTORY_DAMAGED
 */
export async function withOwnMigrations<T>(
  target: Target,
  own: OwnFiles,
  options: OwnMigrationsOptions,
  work: (state: OwnMigrations) => Promise<T>,
): Promise<T> {
  return withHistory(target, async (access) => {
    await checkTool(target, own.folder, access, options);
    const entries = await access.history.read();
    const situation = { files: own.files, applied: appliedMigrations(entries) };
    return work({ ...own, ...access, entries, situation });
  });
}

/** Two tools that apply the same files would each apply all of them. */
async function checkTool(
  { env }: Target,
  { config, cwd }: MigrationsFolder,
  { session }: HistoryAccess,
  { otherTool }: OwnMigrationsOptions,
): Promise<void> {
  if (config.tool !== undefined && toolsWithoutReader.includes(config.tool)) {
    throw otherToolError(config.tool, `the command of ${config.tool}`);
  }
  const found =
    otherTool === undefined ? await findMigrationSource({ cwd, env, session, config }) : otherTool;
  if (found) throw otherToolError(found.tool, `\`${found.upCommand}\``);
}

function otherToolError(tool: string, command: string): BelayError {
  return new BelayError('OTHER_TOOL', `the migrations here belong to ${tool}`, {
    hint: `Apply them with ${command}, best as \`belay run -- …\`. To let Belay apply SQL files of its own set "migrations": { "tool": "sql", "directory": … } in belay.config.json.`,
    details: { tool },
  });
}
