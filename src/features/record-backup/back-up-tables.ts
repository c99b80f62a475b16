import { parseQualifiedName } from '../../domain/qualified-name.js';
import { BelayError } from '../../errors.js';
import { takeCheckpoint } from '../archive/checkpoint.js';
import type { MigrationImpact } from '../migration/backup-choice.js';
import type { Target } from '../target/open-target.js';
import type { WorkOptions } from '../target/work.js';
import { backUpToFiles } from './back-up-to-files.js';

/** A sealed archive of what migrations take records from. */
export interface FilesBackup {
  readonly tag: string;
  /** Tables whose rows are in it; null: all. */
  readonly tables: readonly string[] | null;
  readonly sizeBytes: number;
  readonly restore_drill: 'proven' | 'failed' | 'not-run';
}

/**
 * Keeps the tables that migrations take records from as a sealed and drilled archive in the store; the whole database where it is
 * not known which these are.
 * @throws BelayError NOT_PROVEN, and as `takeCheckpoint`; nothing was applied then
 */
export async function backUpTables(
  target: Target,
  impacts: readonly MigrationImpact[],
  { signal, reporter, lockWaitMs }: WorkOptions,
): Promise<FilesBackup> {
  const names = impacts.map(({ version }) => version).join(', ');
  const order = { signal, reporter, lockWaitMs, description: `before the migration ${names}` };
  const tables = tablesOf(impacts);
  if (tables === null) {
    const { ok, tag, sizeBytes, restore_drill } = await takeCheckpoint(target, order);
    if (!ok) throw notProven(tag);
    return { tag, tables, sizeBytes, restore_drill };
  }
  const { tag, sizeBytes, restore_drill } = await backUpToFiles(target, {
    ...order,
    tables: tables.flatMap((name) => parseQualifiedName(name) ?? []),
  });
  return { tag, tables, sizeBytes, restore_drill };
}

/** Null where something may be lost of which nobody knows where. */
function tablesOf(impacts: readonly MigrationImpact[]): readonly string[] | null {
  if (impacts.some(({ tables }) => tables === null)) return null;
  const all = [...new Set(impacts.flatMap(({ tables }) => tables ?? []))];
  return all.length === 0 ? null : all;
}

function notProven(tag: string): BelayError {
  return new BelayError(
    'NOT_PROVEN',
    `the checkpoint before the migration is not proven: "${tag}"`,
    {
      hint: `Nothing was applied. \`belay drill ${tag}\` says what differs.`,
    },
  );
}
