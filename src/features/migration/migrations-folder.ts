import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { BelayConfig } from '../../config/config.js';
import { loadConfig } from '../../config/load-config.js';
import { BelayError } from '../../errors.js';
import { detectMigrationTools } from '../project/detect-migration-tool.js';

export interface FindFolderOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Of the migrations, from the working directory; default: the config's, else "migrations" beside it. */
  readonly directory?: string | undefined;
}

/** Where a project has its migrations. */
export interface MigrationsFolder {
  /** What `directory` starts from: the folder of the project. */
  readonly cwd: string;
  /** With `/`; absolute where it lies outside of the project. */
  readonly directory: string;
  readonly config: NonNullable<BelayConfig['migrations']>;
}

const usualDirectory = 'migrations';

/** Finds out where the migrations are meant to be, whether or not there is such a folder. */
export async function findMigrationsFolder(options: FindFolderOptions): Promise<MigrationsFolder> {
  const { cwd, env, directory } = options;
  const loaded = await loadConfig({ cwd, env });
  const config = loaded?.config.migrations ?? {};
  const project = loaded?.directory ?? cwd;
  const at =
    directory === undefined
      ? path.resolve(project, config.directory ?? (await detectFolder(project)))
      : path.resolve(cwd, directory);
  const inside = path.relative(project, at);
  const isOutside = inside.startsWith('..') || path.isAbsolute(inside);
  // The history names files: the same for everybody who has the project, wherever it lies.
  const named = (isOutside ? at : inside || '.').replaceAll(path.sep, '/');
  return { cwd: project, directory: named, config };
}

/** Tools whose files Belay applies as they are. */
const plainTools = ['dbmate', 'golang-migrate', 'sql'];

/** The usual folder, or another one in which plain SQL migrations are found. */
async function detectFolder(project: string): Promise<string> {
  if (await isFolder(path.resolve(project, usualDirectory))) return usualDirectory;
  const found = (await detectMigrationTools(project)).find(({ tool }) => plainTools.includes(tool));
  return found?.directory ?? usualDirectory;
}

async function isFolder(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

/** @throws BelayError MIGRATIONS_NOT_FOUND */
export async function checkFolder({ cwd, directory }: MigrationsFolder): Promise<void> {
  if (await isFolder(path.resolve(cwd, directory))) return;
  throw new BelayError('MIGRATIONS_NOT_FOUND', `there is no folder ${directory}`, {
    hint: 'Name the folder with --dir or as "migrations.directory" in belay.config.json; `belay migrate new NAME` makes it.',
    details: { directory },
  });
}
