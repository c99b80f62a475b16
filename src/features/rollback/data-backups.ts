import type { HistoryEntry } from '../../domain/history.js';
import type { RecordBackup } from '../../domain/record-backup.js';
import type { Session } from '../../postgres/session.js';
import { readRecordBackups } from '../../postgres/sql/record-backups.js';

/**
 * The backups of migrations as they are in force now. A version that was applied, taken back and applied again has those of
 * its last application alone: the rows of the others are not the ones that are missing now.
 */
export async function backupsInForce(
  session: Session,
  versions: readonly string[],
  entries: readonly HistoryEntry[],
): Promise<RecordBackup[]> {
  const backups = await readRecordBackups(session, { versions });
  return backups.filter((backup) => {
    if (backup.restoredAt !== null) return false;
    const since = takenBackAt(entries, backup.migrationVersion);
    return since === null || Date.parse(backup.createdAt) > Date.parse(since);
  });
}

const isInForce = ({ applied }: HistoryEntry, version: string): boolean =>
  applied.some((one) => one.version === version);

/** When a migration was last not in force although it had been; null: it was applied once. */
function takenBackAt(entries: readonly HistoryEntry[], version: string): string | null {
  const ends = entries.filter((entry, index) => {
    const before = entries[index - 1];
    return before && isInForce(before, version) && !isInForce(entry, version);
  });
  return ends.at(-1)?.at ?? null;
}
