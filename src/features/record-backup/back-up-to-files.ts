import { type DrillDifference, describeDifference } from '../../domain/drill.js';
import type { UncheckedReference } from '../../domain/partial-archive.js';
import type { QualifiedName } from '../../domain/qualified-name.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import {
  type CheckpointOptions,
  type MadeCheckpoint,
  makeCheckpoint,
} from '../archive/checkpoint.js';
import type { Target } from '../target/open-target.js';

export interface BackUpToFilesOptions extends CheckpointOptions {
  /** Tables whose rows are wanted; a partitioned one stands for all of its partitions. */
  readonly tables: readonly QualifiedName[];
}

export interface BackedUpTable {
  /** "schema.table". */
  readonly table: string;
  /** Of a partitioned table those of all of its partitions. */
  readonly rows: number;
}

export interface FilesBackupResult {
  readonly ok: true;
  readonly tag: string;
  /** Its archive says in `dataOf` which tables it holds. */
  readonly snapshot: Snapshot;
  /** In the order in which they were asked for. */
  readonly tables: readonly BackedUpTable[];
  readonly rows: number;
  /** Of the archive in the store. */
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly restore_drill: 'proven' | 'not-run';
  /** Foreign keys to rows that are not in the archive: the drill could not check them. */
  readonly unchecked: readonly UncheckedReference[];
  readonly durationMs: number;
}

/**
 * Keeps tables before something takes records from them: a sealed archive in the store with the definitions of the whole
 * database and the rows of these tables, restored into a real PostgreSQL and compared there. Nobody is disconnected or
 * held up, but for changes of the structure of tables. `restoreSnapshotTables` brings a table back.
 *
 * What is written between this and the migration is not in it.
 *
 * @example
 * const { tag } = await backUpToFiles(target, { tables: [{ schema: 'public', name: 'users' }] });
 * await restoreSnapshotTables(target, { reference: tag, tables: ['public.users'] });
 * @throws BelayError NOT_PROVEN where the archive does not restore to what it was made from; TABLE_NOT_FOUND, USAGE,
 *   and as `takeCheckpoint`
 */
export async function backUpToFiles(
  target: Target,
  options: BackUpToFilesOptions,
): Promise<FilesBackupResult> {
  if (options.tables.length === 0) {
    throw new BelayError('USAGE', 'no table was named to back up', {
      hint: 'Name at least one: an archive of no rows keeps nothing.',
    });
  }
  const made = await makeCheckpoint(target, { ...options, automatic: 'backup' });
  return describe(made);
}

function describe({ checkpoint, chosen }: MadeCheckpoint): FilesBackupResult {
  const { snapshot, tag, sizeBytes, sha256, restore_drill: drill, durationMs } = checkpoint;
  if (drill === 'failed') throw notProven(snapshot.tag, checkpoint.differences);
  const counts = snapshot.fingerprint?.rowCounts ?? {};
  const tables = (chosen?.asked ?? []).map(({ table, parts }) => ({
    table,
    rows: parts.reduce((sum, part) => sum + (counts[part] ?? 0), 0),
  }));
  return {
    ...{ ok: true, tag, snapshot, tables, rows: checkpoint.rows, sizeBytes, sha256 },
    ...{ restore_drill: drill, unchecked: chosen?.partial.unchecked ?? [], durationMs },
  };
}

function notProven(tag: string, differences: readonly DrillDifference[]): BelayError {
  const shown = differences.slice(0, 3).map(describeDifference).join('; ');
  return new BelayError(
    'NOT_PROVEN',
    `the archive of the tables did not pass its drill: ${shown}`,
    {
      hint: `Nothing was changed. It is kept for a look as "${tag}". What checks rows by a look into other tables, such as a function in a CHECK, stops a restore: \`--backup database\` keeps the records without one.`,
      details: { tag, differences },
    },
  );
}
