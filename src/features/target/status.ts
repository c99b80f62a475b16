import type { Fingerprint } from '../../domain/fingerprint.js';
import { BelayError } from '../../errors.js';
import { readSchemaChecksum } from '../../postgres/fingerprint.js';
import { databaseSize } from '../../postgres/sql/databases.js';
import { readLockHolder } from '../../postgres/target-lock.js';
import { type RecordBackupsSize, recordBackupsSize } from '../record-backup/size.js';
import { type CurrentState, currentState } from '../snapshot/list.js';
import { compareCounts, type RowCountDifference, readLiveCounts } from '../snapshot/live-counts.js';
import { describeLeftover, type FoundLeftover } from './leftovers.js';
import type { Target } from './open-target.js';
import { readTimeline } from './timeline.js';

export interface StatusOptions {
  /** Time for counting rows, in milliseconds; default 5 s. 0: don't count. */
  readonly countBudgetMs?: number | undefined;
}

/** How the target differs from the snapshot that it is based on. */
export interface ChangedSince {
  readonly schema: boolean;
  /** Null: no difference was found, but not every table could be counted in time. */
  readonly rowCounts: boolean | null;
  readonly tables: readonly RowCountDifference[];
}

export interface TargetStatus {
  readonly target: {
    readonly server: string;
    readonly database: string;
    readonly name: string | null;
    readonly source: string;
    readonly environment: 'development' | 'production' | null;
  };
  /** e.g. 150018. */
  readonly serverVersion: number;
  readonly exists: boolean;
  readonly sizeBytes: number | null;
  readonly basedOn: CurrentState['basedOn'];
  readonly undo: CurrentState['undo'];
  /** Null where the target is based on no snapshot. Equal counts do not prove equal rows: `diff --data` does. */
  readonly changed: ChangedSince | null;
  readonly snapshots: number;
  /** What migrations removed and a rollback with data would put back; null where it cannot be read. */
  readonly recordBackups: RecordBackupsSize | null;
  /** The run that works on it at this moment. */
  readonly lockedBy: string | null;
  /** What an interrupted run left; empty while another run is at work. */
  readonly leftovers: readonly FoundLeftover[];
}

/**
 * The target, what it is based on, and whether it has changed since.
 *
 * @example
 * const { basedOn, changed } = await readStatus(target);
 */
export async function readStatus(
  target: Target,
  options: StatusOptions = {},
): Promise<TargetStatus> {
  const { main, server, database } = target;
  const timeline = await readTimeline(main, database);
  const { basedOn, undo, exists } = currentState(target, timeline);
  const fingerprint = timeline.basedOn?.record.snapshot.fingerprint;
  const lockedBy = (await readLockHolder(main, database)) ?? null;
  return {
    target: {
      ...{ server, database, name: target.name ?? null, source: target.source },
      environment: target.environment ?? null,
    },
    serverVersion: main.serverVersion,
    exists,
    sizeBytes: timeline.live && (await databaseSize(main, timeline.live.oid)),
    basedOn,
    undo,
    changed:
      timeline.live && fingerprint
        ? await changedSince(target, fingerprint, options.countBudgetMs ?? 5000)
        : null,
    snapshots: timeline.clones.length,
    recordBackups: timeline.live ? await readRecordBackupsSize(target) : null,
    lockedBy,
    leftovers: lockedBy === null ? timeline.leftovers.map(describeLeftover) : [],
  };
}

async function changedSince(
  target: Target,
  expected: Fingerprint,
  budgetMs: number,
): Promise<ChangedSince> {
  const session = await target.openDatabase(target.database);
  try {
    const schema = (await readSchemaChecksum(session)) !== expected.schemaChecksum;
    const tables = compareCounts(expected.rowCounts, await readLiveCounts(session, budgetMs));
    const differs = tables.some(({ unknown }) => !unknown);
    return { schema, rowCounts: differs ? true : tables.length > 0 ? null : false, tables };
  } finally {
    await session.close();
  }
}

/** A database that cannot be opened, or rights that are missing, are no reason to tell nothing. */
async function readRecordBackupsSize(target: Target): Promise<RecordBackupsSize | null> {
  try {
    const session = await target.openDatabase(target.database);
    try {
      return await recordBackupsSize(session);
    } finally {
      await session.close();
    }
  } catch (error) {
    if (error instanceof BelayError && error.kind !== 'bug') return null;
    throw error;
  }
}
