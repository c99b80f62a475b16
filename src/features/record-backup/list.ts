import type { RecordBackup } from '../../domain/record-backup.js';
import type { Session } from '../../postgres/session.js';
import { readRecordSizes } from '../../postgres/sql/record-backup-storage.js';
import { readRecordBackups } from '../../postgres/sql/record-backups.js';

/** A record backup and the room that it takes. */
export interface ListedRecordBackup extends RecordBackup {
  readonly sizeBytes: number;
}

/**
 * The record backups of a database, in the order in which they were made.
 *
 * @param session on the target's own database
 * @example
 * for (const { migrationVersion, tableName, rows } of await listRecordBackups(session)) …
 * @throws BelayError PERMISSION_DENIED, SCHEMA_TAKEN, NEWER_FORMAT
 */
export async function listRecordBackups(
  session: Session,
  filter: { readonly versions?: readonly string[] | undefined } = {},
): Promise<ListedRecordBackup[]> {
  const backups = await readRecordBackups(session, filter);
  if (backups.length === 0) return [];
  const sizes = await readRecordSizes(session);
  return backups.map((backup) => ({
    ...backup,
    sizeBytes: (backup.dataTable === null ? undefined : sizes.get(backup.dataTable)) ?? 0,
  }));
}
