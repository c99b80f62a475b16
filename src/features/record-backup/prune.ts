import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import { isInTransaction } from '../../postgres/sql/history.js';
import { removeRecordBackup } from '../../postgres/sql/record-backup-storage.js';
import { type ListedRecordBackup, listRecordBackups } from './list.js';

export interface PruneRecordsOptions {
  /** Remove what is older than this, also of migrations in force. */
  readonly keepWithinMs?: number | undefined;
  /** Remove the backups of these migrations, also where they are in force. */
  readonly versions?: readonly string[] | undefined;
  /**
   * Versions in force. Without an age or versions those of others go, and those that were put back: nobody can
   * need them any more.
   */
  readonly inForce?: readonly string[] | undefined;
  /** Only say what would go. */
  readonly dryRun?: boolean | undefined;
  readonly now?: Date | undefined;
}

export interface PruneRecordsResult {
  readonly removed: readonly ListedRecordBackup[];
  readonly kept: readonly ListedRecordBackup[];
  readonly freedBytes: number;
}

/**
 * Removes record backups. Of a migration in force a note stays in the registry, so that a rollback can say that its
 * records were there and are not any more.
 *
 * @param session on the target's own database
 * @example
 * const { removed, freedBytes } = await pruneRecordBackups(session, { keepWithinMs: 90 * 86_400_000 });
 * @throws BelayError USAGE, PERMISSION_DENIED, SCHEMA_TAKEN, NEWER_FORMAT
 */
export async function pruneRecordBackups(
  session: Session,
  options: PruneRecordsOptions,
): Promise<PruneRecordsResult> {
  const { keepWithinMs, inForce, dryRun = false } = options;
  if (keepWithinMs !== undefined && !(keepWithinMs >= 0)) {
    throw new BelayError('USAGE', 'an age cannot be negative');
  }
  const there = (await listRecordBackups(session)).filter(({ dataTable }) => dataTable !== null);
  const goes = ruleFor(options);
  const removed = there.filter(goes);
  if (!dryRun) {
    for (const backup of removed) {
      const isInForce = inForce?.includes(backup.migrationVersion) ?? true;
      const keepsRow = isInForce && backup.restoredAt === null;
      const work = () => removeRecordBackup(session, backup, keepsRow);
      // One by one: each dropped table takes a lock, of which a transaction has only so many.
      await (isInTransaction(session) ? work() : session.transaction(work));
    }
  }
  return {
    removed,
    kept: there.filter((backup) => !goes(backup)),
    freedBytes: removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

function ruleFor(options: PruneRecordsOptions): (backup: ListedRecordBackup) => boolean {
  const { keepWithinMs, versions, inForce, now = new Date() } = options;
  if (keepWithinMs === undefined && versions === undefined) {
    return ({ restoredAt, migrationVersion }) =>
      restoredAt !== null || (inForce !== undefined && !inForce.includes(migrationVersion));
  }
  const isOld = ({ createdAt }: ListedRecordBackup) =>
    keepWithinMs === undefined || now.getTime() - Date.parse(createdAt) > keepWithinMs;
  const isNamed = ({ migrationVersion }: ListedRecordBackup) =>
    versions === undefined || versions.includes(migrationVersion);
  return (backup) => isOld(backup) && isNamed(backup);
}
