import type { MigrationFile } from '../../domain/migration.js';
import type { Session } from '../../postgres/session.js';
import type { BackupOptions, MigrationImpact } from './backup-choice.js';

export async function measurePending(
  _session: Session,
  _plan: readonly MigrationFile[],
  _options: BackupOptions,
): Promise<MigrationImpact[]> {
  return [];
}
