import type { ArchiveManifest } from '../../domain/manifest.js';
import {
  formatQualifiedName,
  parseQualifiedName,
  type QualifiedName,
} from '../../domain/qualified-name.js';
import type { Archive } from '../archive/archives.js';
import { toArchivedSnapshot } from '../archive/archives.js';
import { refuseBroken } from '../archive/fetch.js';
import { findTableOrigin } from '../archive/obtain-clone.js';
import { findIdentities, type IdentityOptions, openPlain } from '../archive/open-plain.js';
import { refuseTablesNotIn } from '../archive/partial.js';
import { recorded } from '../ledger/recorded.js';
import type { Target } from '../target/open-target.js';
import type { Work } from '../target/work.js';
import { archiveSource } from './archive-source.js';
import { cloneSource } from './clone-source.js';
import { checkTableOptions, restoreTables } from './restore-tables.js';
import type { RestoreTablesOptions, RestoreTablesResult } from './table-order.js';
import type { TableSource } from './table-source.js';

export interface RestoreSnapshotTablesOptions extends RestoreTablesOptions, IdentityOptions {
  /** Tag, id, prefix of an id, "latest", "~1" or "@TIME". */
  readonly reference: string;
}

/**
 * Brings single tables back out of a snapshot, from its clone or its archive: see `restoreTables`. Every good write to
 * other tables stays.
 *
 * @example
 * await restoreSnapshotTables(target, { reference: 'pre-deploy', tables: ['public.orders'] });
 * @throws BelayError SNAPSHOT_NOT_FOUND, TABLE_NOT_FOUND, PARTIAL_ARCHIVE, WOULD_LOSE, DEPENDENTS_IN_THE_WAY, LOCK_TIMEOUT, …; the
 *   database is unchanged then
 */
export async function restoreSnapshotTables(
  target: Target,
  options: RestoreSnapshotTablesOptions,
): Promise<RestoreTablesResult> {
  const tables = checkTableOptions(options).map(formatQualifiedName);
  return recorded(
    target,
    'restore-table',
    options.reporter,
    () => restoreTables(target, (work) => findSource(work, options, tables), options),
    ({ snapshot, tables, keptIn }) => ({
      snapshot: { id: snapshot.id, tag: snapshot.tag },
      rows: tables.reduce((sum, { rows }) => sum + rows, 0),
      details: {
        tables: tables.map(({ table, rows, replaced }) => ({ table, rows, replaced })),
        keptIn,
      },
    }),
  );
}

async function findSource(
  work: Work,
  { reference, ...options }: RestoreSnapshotTablesOptions,
  tables: readonly string[],
): Promise<TableSource> {
  const { clone, archive } = await findTableOrigin(work, reference);
  if (archive) refuseTablesNotIn(archive, tables);
  return clone ? cloneSource(work, clone) : fromArchive(work, archive, options);
}

async function fromArchive(
  { target, signal }: Work,
  archive: Archive,
  options: IdentityOptions,
): Promise<TableSource> {
  refuseBroken(archive);
  const { manifest } = archive;
  const store = await target.openStore();
  const identities = await findIdentities(options, target.env);
  return archiveSource({
    snapshot: toArchivedSnapshot(archive),
    serverVersion: manifest.snapshot.serverVersion,
    partsOf: manifest.partial && ((table) => partsOf(manifest, table)),
    openArchive: () => openPlain(store, manifest.archive, { identities, signal }),
    ...{ env: target.env, signal },
  });
}

/** A partitioned table has no rows of its own: those of its partitions are meant. */
function partsOf({ partial }: ArchiveManifest, table: QualifiedName): QualifiedName[] {
  const parts = partial?.partitioned[formatQualifiedName(table)] ?? [];
  return parts.length === 0 ? [table] : parts.flatMap((part) => parseQualifiedName(part) ?? []);
}
