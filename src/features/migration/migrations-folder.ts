import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { BelayConfig } from '../../config/config.js';
import { loadConfig } from '../../config/load-config.js';
import { BelayError } from '../../errors.js';

export interface FindFolderOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Of the migrations, from the working directory; default: the config's, else "migrations" beside it. */
  readonly directory?: string | undefined;
}

/** Where a project has its migrations. */
export interface MigrationsFolder {
  /** What `directory` starts from: the working directory, or that of the config. */
  readonly cwd: string;
  /** Relative to `cwd`, with `/`. */
  readonly directory: string;
  readonly config: NonNullable<BelayConfig['migrations']>;
  /** Of the project: where the config is, else the working directory. */
  readonly project: string;
}

const usualDirectory = 'migrations';

/** Finds out where the migrations are meant to be, whether or not there is such a folder. */
export async function findMigrationsFolder(options: FindFolderOptions): Promise<MigrationsFolder> {
  const { cwd, env, directory } = options;
  const loaded = await loadConfig({ cwd, env });
  const config = loaded?.config.migrations ?? {};
  const project = loaded?.directory ?? cwd;
  const place =
    directory === undefined
      ? { cwd: project, directory: config.directory ?? usualDirectory }
      : { cwd, directory };
  return {
    ...place,
    directory: path.normalize(place.directory).replaceAll(path.sep, '/'),
    config,
    project,
  };
}

/** @throws BelayError MIGRATIONS_NOT_FOUND */
export async function checkFolder({ cwd, directory }: MigrationsFolder): Promise<void> {
  const found = await stat(path.resolve(cwd, directory)).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new BelayError('MIGRATIONS_NOT_FOUND', `there is no folder ${directory}`, {
    hint: 'Name the folder with --dir or as "migrations.directory" in belay.config.json; `belay migrate new NAME` makes it.',
    details: { directory },
  });
}
