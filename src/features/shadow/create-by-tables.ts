import { cloneName, newSnapshotId } from '../../domain/clone-name.js';
import type { Requirements } from '../../domain/manifest.js';
import { reportStep } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { checkSpace } from '../../postgres/copy-database.js';
import { emptyCloneSql } from '../../postgres/empty-database.js';
import { freezeDatabase } from '../../postgres/frozen-database.js';
import type { Session } from '../../postgres/session.js';
import { readPlacedTables } from '../../postgres/shadow/read-mapping.js';
import { databaseSize } from '../../postgres/sql/databases.js';
import { readNeeds } from '../archive/facts.js';
import { closingSessions, readingClone } from '../snapshot/read-clone.js';
import { dropBelayDatabase } from '../target/leftovers.js';
import { dataDirectoryOf, type Work } from '../target/work.js';
import { copyContents } from './copy-data.js';
import type { MadeShadowCopy, ShadowCopyOrder } from './create-copy.js';

const lockTimeoutMs = 10_000;

/**
 * Copies a database that is in use, table by table and as of one moment, into a new closed one under a clone's name. Removed
 * again if anything fails.
 * @throws BelayError PERMISSION_DENIED, LOCK_TIMEOUT, DISK_FULL, EXTENSION_MISSING, RESTORE_FAILED, SCHEMA_NOT_BUILT
 */
export async function withCopyByTables<T>(
  work: Work,
  { live, options }: ShadowCopyOrder,
  notes: readonly string[],
  use: (copy: MadeShadowCopy) => Promise<T>,
): Promise<T> {
  const { main, target } = work;
  const directory = await dataDirectoryOf(work, live.tablespace);
  const plan = { strategy: 'WAL_LOG' as const, askForClone: false };
  await checkSpace(directory, await databaseSize(main, live.oid), plan);
  const database = cloneName(target.database, newSnapshotId());
  try {
    const made = await closingSessions(
      () => target.openDatabase(target.database),
      (open) => copyFrozen(work, open, { database, owner: live.owner, jobs: options.jobs ?? 2 }),
    );
    const { oid } = await main.queryOne<{ oid: number }>(
      'SELECT oid::int8::float8 AS oid FROM pg_database WHERE datname = $1',
      [database],
    );
    const all = [...notes, ...made.notes];
    return await use({ ...made, database, oid, method: 'copy', notes: all });
  } catch (error) {
    await dropBelayDatabase(main, database).catch(() => {});
    throw error;
  }
}

async function copyFrozen(
  work: Work,
  openSource: () => Promise<Session>,
  order: { readonly database: string; readonly owner: string; readonly jobs: number },
): Promise<Pick<MadeShadowCopy, 'source' | 'snapshot' | 'copiedAt' | 'notes'>> {
  const { main, signal, reporter } = work;
  const frozen = await reportStep(reporter, { name: 'freeze' }, async () =>
    freezeDatabase(await openSource(), { lockTimeoutMs, signal }),
  );
  const copiedAt = new Date().toISOString();
  const { session } = frozen;
  const { snapshot } = await session.queryOne<{ snapshot: string }>(
    'SELECT pg_current_snapshot()::text AS snapshot',
  );
  const { locale, requires } = await readNeeds(session);
  refuseUncopyable(requires);
  const source = await readPlacedTables(session);
  const { database, owner, jobs } = order;
  await main.execute(
    emptyCloneSql(database, owner, locale, main.serverVersion),
    `making the database "${database}"`,
  );
  const notes = await readingClone(work, database, (openCopy) =>
    copyContents(work, { frozen, openSource, openCopy, database, requires, jobs }),
  );
  return { source, snapshot, copiedAt, notes };
}

/** Its catalogs say where rows are, and may only be restored in a mode of their own. */
function refuseUncopyable({ extensions }: Requirements): void {
  if (!extensions.some(({ name }) => name === 'timescaledb')) return;
  throw new BelayError('EXTENSION_MISSING', 'tables of TimescaleDB are not copied one by one', {
    hint: 'Make the shadow with --method clone while nobody uses the database.',
  });
}
