import path from 'node:path';
import { loadedBranches } from '../../config/branches-config.js';
import { loadConfig } from '../../config/load-config.js';
import type { AppliedMigration, MigrationFile } from '../../domain/migration.js';
import { readGitBranches } from '../../process/git-branches.js';
import { findGitPlace } from '../../process/git-place.js';
import { extractGitFolder } from '../../process/git-tree.js';
import { withScratchFolder } from '../../process/scratch-folder.js';
import { appliedMigrations, belaySource } from '../migration/belay-source.js';
import { findMigrationSource } from '../migration/find-source.js';
import { withMigrationState } from '../migration/migration-state.js';
import { readOwnFiles } from '../migration/own-migrations.js';
import type { Target } from '../target/open-target.js';

/** Whose migrations a project has, and where. */
export interface MigrationPlace {
  /** "belay" for Belay's own runner, else the tool's name. */
  readonly tool: string;
  /** How they are applied, for people. */
  readonly upCommand: string;
  /** The folder of the project. */
  readonly cwd: string;
  /** Of the migrations, relative to the project; null: not known. */
  readonly directory: string | null;
}

/** Where a database stands. */
export interface MigrationStand extends MigrationPlace {
  /** In the order of application. */
  readonly applied: readonly AppliedMigration[];
  /** Of the working tree. */
  readonly files: readonly MigrationFile[];
}

/** Reads which migrations are applied to a database, beside the files of the working tree. */
export async function readStand(target: Target): Promise<MigrationStand> {
  const loaded = await loadConfig({ cwd: target.cwd, env: target.env });
  const project = loaded?.directory ?? target.cwd;
  const stand = await withMigrationState(target, async ({ source, session, entries, files }) =>
    source
      ? {
          ...{ tool: source.tool, upCommand: source.upCommand },
          ...{ cwd: project, directory: source.directory, files },
          applied: (await source.readApplied(session)) ?? [],
        }
      : appliedMigrations(entries),
  );
  if ('tool' in stand) return stand;
  const { folder, files } = await readOwnFiles(target, {});
  const { cwd, directory } = folder;
  const own = { tool: 'belay', upCommand: 'belay migrate up', cwd, directory };
  return { ...own, files, applied: stand };
}

/** The migrations of the main git branch, in a folder of their own for as long as they are used. */
export interface MainFiles {
  /** Name of the git branch. */
  readonly branch: string;
  /** In which the project's folder of migrations lies under its own name. */
  readonly folder: string;
  readonly files: readonly MigrationFile[];
}

/**
 * Reads the migrations that the main git branch has, whatever is checked out.
 * @param use gets null where there is no repository, no main branch, or no migrations in it
 */
export async function withMainFiles<T>(
  root: Target,
  place: MigrationPlace,
  use: (main: MainFiles | null) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const { cwd, env } = root;
  const { main: names } = await loadedBranches(root);
  const git = await findGitPlace(cwd, env);
  const branch = (await readGitBranches({ cwd, env, main: names, signal }))?.main;
  const { directory } = place;
  if (!git || !branch || directory === null || path.isAbsolute(directory)) return use(null);
  return withScratchFolder(async (scratch) => {
    const folder = path.join(scratch, 'project');
    const wanted = path.resolve(place.cwd, directory);
    const order = { ref: `refs/heads/${branch}`, folder: wanted, signal };
    const into = path.join(folder, directory);
    if (!(await extractGitFolder(git, { ...order, into }))) return use(null);
    return use({ branch, folder, files: await readFilesIn(folder, place, env) });
  });
}

async function readFilesIn(
  cwd: string,
  { tool, directory }: MigrationPlace,
  env: NodeJS.ProcessEnv,
): Promise<readonly MigrationFile[]> {
  if (directory === null) return [];
  const own = belaySource({ cwd, directory });
  if (tool === 'belay') return own.readFiles();
  const source = await findMigrationSource({ cwd, config: { tool, directory }, env });
  return (source ?? own).readFiles();
}
