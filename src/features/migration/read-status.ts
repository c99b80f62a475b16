import type { AppliedVersion } from '../../domain/history.js';
import { type MigrationStatus, migrationStatus } from '../../domain/migration-plan.js';
import { type HistoryAccess, withHistory } from '../schema/with-history.js';
import type { Target } from '../target/open-target.js';
import { findMigrationSource } from './find-source.js';
import { checkFolder, findMigrationsFolder } from './migrations-folder.js';
import { type OwnMigrationsOptions, readOwnFiles, withOwnMigrations } from './own-migrations.js';
import type { ToolMigrationSource } from './tools/tool-source.js';

export type { MigrationStatus } from '../../domain/migration-plan.js';

/** Where a project's migrations stand, whoever applies them. */
export interface ProjectStatus extends MigrationStatus {
  /** "belay", or the tool that applies them. */
  readonly tool: string;
  /** How they are applied. */
  readonly upCommand: string;
  /** What the tool began, and did not end or has marked as failed. */
  readonly unfinished: readonly AppliedVersion[];
}

/**
 * Which of the project's migrations are applied to the target, and which are not, by Belay's history or by the record of the
 * tool that applies them.
 *
 * @example
 * const { applied, pending, current } = await readMigrationStatus(target);
 * @throws BelayError BAD_MIGRATION, MIGRATIONS_NOT_FOUND, HISTORY_DAMAGED; OTHER_TOOL where its record cannot be read
 */
export async function readMigrationStatus(
  target: Target,
  options: OwnMigrationsOptions = {},
): Promise<ProjectStatus> {
  const { cwd, env } = target;
  const folder = await findMigrationsFolder({ cwd, env, directory: options.directory });
  const isOwn = options.directory !== undefined || options.otherTool === null;
  const status = await withHistory(target, async (access) => {
    if (isOwn) return null;
    const place = { cwd: folder.cwd, env, session: access.session, config: folder.config };
    const source = await findMigrationSource(place);
    return source && readToolStatus(source, access);
  });
  return status ?? readOwnStatus(target, options);
}

async function readToolStatus(
  source: ToolMigrationSource,
  { session }: HistoryAccess,
): Promise<ProjectStatus> {
  const { tool, upCommand } = source;
  const files = await source.readFiles();
  const applied = (await source.readApplied(session)) ?? [];
  const unfinished = await source.readUnfinished(session);
  return { ...migrationStatus({ files, applied }), tool, upCommand, unfinished };
}

async function readOwnStatus(
  target: Target,
  options: OwnMigrationsOptions,
): Promise<ProjectStatus> {
  const own = await readOwnFiles(target, options);
  return withOwnMigrations(target, own, options, async ({ situation }) => {
    if (situation.applied.length === 0) await checkFolder(own.folder);
    const about = { tool: 'belay', upCommand: 'belay migrate up', unfinished: [] };
    return { ...migrationStatus(situation), ...about };
  });
}
