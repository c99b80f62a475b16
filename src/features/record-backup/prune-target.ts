import { BelayError } from '../../errors.js';
import { withMigrationState } from '../migration/migration-state.js';
import type { Target } from '../target/open-target.js';
import { type PruneRecordsResult, pruneRecordBackups } from './prune.js';

/** A record backup that goes or stays. */
export interface PrunedRecords {
  readonly id: number;
  readonly migrationVersion: string;
  /** `schema.table` as it was named then. */
  readonly table: string;
  readonly column: string | null;
  readonly rows: number;
  readonly sizeBytes: number;
  readonly createdAt: string;
}

export interface PrunedRecordBackups {
  readonly removed: readonly PrunedRecords[];
  readonly kept: readonly PrunedRecords[];
  readonly freedBytes: number;
}

const noRecordBackups: PrunedRecordBackups = { removed: [], kept: [], freedBytes: 0 };

/**
 * Removes the record backups of a target that are older than the policy says, or, without an age, those that no
 * rollback can need: of migrations that are not in force any more, and those that were put back.
 * @throws BelayError PERMISSION_DENIED, NEWER_FORMAT, HISTORY_DAMAGED
 */
export async function pruneTargetRecords(
  target: Target,
  order: { readonly keepWithinMs?: number | undefined; readonly dryRun: boolean },
): Promise<PrunedRecordBackups> {
  try {
    return await withMigrationState(target, async ({ session, applied }) => {
      const inForce = applied.map(({ version }) => version);
      return described(await pruneRecordBackups(session, { ...order, inForce }));
    });
  } catch (error) {
    // Snapshots are pruned also where the database itself is missing.
    if (error instanceof BelayError && error.code === 'TARGET_NOT_FOUND') return noRecordBackups;
    throw error;
  }
}

function described({ removed, kept, freedBytes }: PruneRecordsResult): PrunedRecordBackups {
  const describe = (list: PruneRecordsResult['removed']): PrunedRecords[] =>
    list.map(({ id, migrationVersion, tableSchema, tableName, columnName, ...backup }) => ({
      ...{ id, migrationVersion, table: `${tableSchema}.${tableName}`, column: columnName },
      ...{ rows: backup.rows, sizeBytes: backup.sizeBytes, createdAt: backup.createdAt },
    }));
  return { removed: describe(removed), kept: describe(kept), freedBytes };
}
