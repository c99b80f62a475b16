import type { Session } from '../../postgres/session.js';
import { listRecordBackups } from './list.js';

export interface RecordBackupsSize {
  /** Those that still hold their records. */
  readonly backups: number;
  readonly rows: number;
  readonly sizeBytes: number;
}

/**
 * How much room record backups take in a database.
 *
 * @param session on the target's own database
 * @example
 * const { backups, sizeBytes } = await recordBackupsSize(session);
 * @throws BelayError PERMISSION_DENIED, SCHEMA_TAKEN, NEWER_FORMAT
 */
export async function recordBackupsSize(session: Session): Promise<RecordBackupsSize> {
  const there = (await listRecordBackups(session)).filter(({ dataTable }) => dataTable !== null);
  return {
    backups: there.length,
    rows: there.reduce((sum, { rows }) => sum + rows, 0),
    sizeBytes: there.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}
