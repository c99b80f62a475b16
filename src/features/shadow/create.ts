import { newSnapshotId } from '../../domain/clone-name.js';
import { reportStep } from '../../domain/reporter.js';
import type { ShadowRecord, ShadowReplication } from '../../domain/shadow.js';
import { encodeShadowRecord, shadowName } from '../../domain/shadow-record.js';
import { BelayError } from '../../errors.js';
import { connectionUrl } from '../../postgres/connection-url.js';
import { readProperties } from '../../postgres/properties.js';
import { checkCanCopy } from '../../postgres/rights.js';
import { readReplicationBound } from '../../postgres/sql/activity.js';
import {
  commentDatabaseSql,
  type DatabaseRow,
  databaseExists,
  databaseFlagsSql,
  renameDatabaseSql,
} from '../../postgres/sql/databases.js';
import { checkTargetLock } from '../../postgres/target-lock.js';
import { recorded } from '../ledger/recorded.js';
import { carryOver } from '../snapshot/build-aside.js';
import type { Target } from '../target/open-target.js';
import { requireLive } from '../target/timeline.js';
import { underLock, type Work } from '../target/work.js';
import { withShadowCopy } from './create-aside.js';
import type { MadeShadowCopy } from './create-copy.js';
import { type MigratedShadow, migrateAndMeasure } from './create-migrated.js';
import type { CreateShadowOptions, ShadowCreation } from './create-options.js';
import { prepareReplication, removeReplication } from './create-replication.js';
import { findAllShadows, findShadow } from './find-shadow.js';
import { type PreparedMigration, prepareMigration } from './migrate-shadow.js';

export type { CreateShadowOptions, ShadowCreation, ShadowTableSummary } from './create-options.js';

/**
 * Makes the shadow of a database: a copy beside it on which the migration has been run. Built under another name and given its
 * own, together with its record, when it is complete: whatever happens before leaves nothing but a half-made copy.
 *
 * @example
 * const { database, tables } = await createShadow(target, { inputs: ['migrations/0007_split_names.sql'] });
 * @throws BelayError SHADOW_EXISTS, MIGRATION_FAILED, SESSIONS_IN_THE_WAY, PERMISSION_DENIED, DISK_FULL, LOCKED, …;
 *   nothing is left behind then
 */
export async function createShadow(
  target: Target,
  options: CreateShadowOptions,
): Promise<ShadowCreation> {
  const migration = await prepareMigration(target, options);
  return recorded(
    target,
    'shadow-create',
    options.reporter,
    () => underLock(target, options, (work) => create(work, options, migration)),
    ({ database, method, replication, tables }) => ({
      ...{ snapshot: null, rows: tables.reduce((sum, { rows }) => sum + rows, 0) },
      details: { shadow: database, method, replication, migration: migration.name },
    }),
  );
}

async function create(
  work: Work,
  options: CreateShadowOptions,
  migration: PreparedMigration,
): Promise<ShadowCreation> {
  const { main, target, timeline } = work;
  const startedAt = performance.now();
  const live = requireLive(timeline, target.database);
  const database = shadowName(target.database);
  await refuseExisting(work, live, database);
  await checkCanCopy(main, live);
  const notes = await noteReplication(work);
  const id = newSnapshotId();
  const prepared = await prepareReplication(work, options, id);
  try {
    const properties = await readProperties(main, live.oid);
    return await withShadowCopy(work, { live, options, prepared }, async (copy) => {
      await carryOver(work, properties, copy);
      const migrated = await migrateAndMeasure(work, copy, migration, options);
      const order = { id, database, live, migration, migrated, copy };
      const record = recordOf(work, { ...order, replication: prepared.replication });
      await putInPlace(work, copy, database, record, properties.connectionLimit);
      return {
        ...{ ok: true, database, method: copy.method, migrationMs: migrated.durationMs },
        url: connectionUrl(target.settings, { database }),
        replication: prepared.replication ? 'logical' : 'scan',
        whyScan: prepared.why,
        tables: migrated.summaries,
        notes: [...notes, ...prepared.notes, ...copy.notes, ...migrated.notes],
        durationMs: Math.round(performance.now() - startedAt),
      };
    });
  } catch (error) {
    await removeReplication(work, prepared.replication);
    throw error;
  }
}

/** @throws BelayError SHADOW_EXISTS */
async function refuseExisting(work: Work, live: DatabaseRow, name: string): Promise<void> {
  const { main, target } = work;
  const found = await findShadow(main, target.database);
  if (found) {
    const why = found.stale === null ? '' : ` (stale: ${found.stale})`;
    throw new BelayError(
      'SHADOW_EXISTS',
      `"${target.database}" has a shadow already: "${found.database}"${why}`,
      { hint: '`belay shadow promote` puts it in place, `belay shadow abort` removes it.' },
    );
  }
  if (await databaseExists(main, name)) {
    throw new BelayError(
      'SHADOW_EXISTS',
      `there is a database "${name}", and it is no shadow of Belay's`,
      {
        hint: 'Belay removes nothing that it did not make. Rename or drop it yourself.',
      },
    );
  }
  const { record } = (await findShadowByOid(work, live.oid)) ?? {};
  if (!record) return;
  throw new BelayError(
    'SHADOW_EXISTS',
    `"${live.name}" is itself the shadow of "${record.target.database}"`,
    { hint: `Point Belay at "${record.target.database}".` },
  );
}

async function findShadowByOid({ main }: Work, oid: number) {
  return (await findAllShadows(main)).find((shadow) => shadow.oid === oid);
}

/** The user's own replication stays with the database that is replaced later: better said now than at the promotion. */
async function noteReplication({ main, target, reporter }: Work): Promise<string[]> {
  const bound = await readReplicationBound(main, target.database);
  if (bound.length === 0) return [];
  const listed = bound.map(({ kind, name }) => `${kind} "${name}"`).join(', ');
  const message = `"${target.database}" is replicated (${listed}): a promotion is refused as long as it is`;
  reporter({ type: 'warning', message });
  return [message];
}

interface RecordOrder {
  readonly id: string;
  readonly live: DatabaseRow;
  readonly migration: PreparedMigration;
  readonly migrated: MigratedShadow;
  readonly copy: MadeShadowCopy;
  readonly replication: (ShadowReplication & { readonly lsn: string }) | null;
}

function recordOf({ target }: Work, order: RecordOrder): ShadowRecord {
  const { id, live, migration, migrated, copy, replication } = order;
  return {
    ...{ kind: 'shadow', id, sourceOid: live.oid, oid: copy.oid, method: copy.method },
    target: { server: target.server, database: target.database },
    createdAt: new Date().toISOString(),
    migration: {
      ...{ kind: migration.kind, name: migration.name, durationMs: migrated.durationMs },
    },
    targetChecksum: migrated.targetChecksum,
    shadowChecksum: migrated.shadowChecksum,
    tables: migrated.tables,
    replication: replication && {
      ...{ slot: replication.slot, publication: replication.publication },
    },
    sync: {
      ...{ at: copy.copiedAt, count: 0, snapshot: copy.snapshot },
      lsn: replication?.lsn ?? null,
    },
  };
}

/** Name, flags and record in one transaction: from then on it is a shadow, before it was half-made. */
async function putInPlace(
  work: Work,
  copy: MadeShadowCopy,
  name: string,
  record: ShadowRecord,
  connectionLimit: number,
): Promise<void> {
  const { main, target } = work;
  await reportStep(work.reporter, { name: 'put in place', detail: name }, () =>
    main.transaction(async () => {
      await checkTargetLock(main, target.database);
      await main.execute(renameDatabaseSql(copy.database, name), `naming the shadow "${name}"`);
      const flags = { allowConnections: true, connectionLimit, isTemplate: false };
      await main.execute(
        [databaseFlagsSql(name, flags), commentDatabaseSql(name, encodeShadowRecord(record))].join(
          ';',
        ),
        `opening the shadow "${name}"`,
      );
    }),
  );
}
