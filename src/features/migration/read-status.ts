import { type MigrationStatus, migrationStatus } from '../../domain/migration-plan.js';
import type { Target } from '../target/open-target.js';
import { checkFolder } from './migrations-folder.js';
import { type OwnMigrationsOptions, readOwnFiles, withOwnMigrations } from './own-migrations.js';

export type { MigrationStatus } from '../../domain/migration-plan.js';

/**
 * Which of the project's SQL migrations are applied to the target, and which are not.
 *
 * @example
 * const { applied, pending, current } = await readMigrationStatus(target);
 * @throws BelayError BAD_MIGRATION, MIGRATIONS_NOT_FOUND, OTHER_TOOL
 */
export async function readMigrationStatus(
  target: Target,
  options: OwnMigrationsOptions = {},
): Promise<MigrationStatus> {
  const own = await readOwnFiles(target, options);
  return withOwnMigrations(target, own, options, async ({ situation }) => {
    if (situation.applied.length === 0) await checkFolder(own.folder);
    return migrationStatus(situation);
  });
}
