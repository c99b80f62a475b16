import { BelayError } from '../../errors.js';
import type { MigrationImpact } from '../migration/backup-choice.js';
import type { Target } from '../target/open-target.js';
import type { WorkOptions } from '../target/work.js';

/** A sealed archive of the tables that a migration takes records from. */
export interface FilesBackup {
  readonly tag: string;
  readonly tables: readonly string[];
}

export async function backUpTables(
  _target: Target,
  _impacts: readonly MigrationImpact[],
  _options: WorkOptions,
): Promise<FilesBackup> {
  throw new BelayError('USAGE', '--backup files is not there yet');
}
