import { reportStep } from '../../domain/reporter.js';
import { versionChecksum } from '../../domain/schema-model.js';
import type { ShadowRecord, ShadowTable, SyncResult } from '../../domain/shadow.js';
import { BelayError } from '../../errors.js';
import { checkScript } from '../../postgres/check-script.js';
import type { Statement } from '../../postgres/parse-sql.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import { scriptFailure } from '../../postgres/script-failure.js';
import type { Session } from '../../postgres/session.js';
import { readSlot } from '../../postgres/shadow/replication.js';
import { readSqlFile } from '../plan/decode-sql.js';
import type { Target } from '../target/open-target.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { type BringOverOptions, type BroughtOver, bringOver } from './bring-over.js';
import { type FoundShadow, requireShadow } from './find-shadow.js';
import { type ShadowWork, withShadowWork } from './shadow-work.js';

export interface SyncShadowOptions extends WorkOptions {
  /**
   * A file of SQL that is run in the shadow after the rows were brought over, in the same transaction: what the migration did
   * to rows, for those that arrived since.
   */
  readonly afterSync?: string | undefined;
  /** Also scans the tables whose changes came by a replication slot. */
  readonly isVerified?: boolean | undefined;
  readonly cwd?: string | undefined;
}

/**
 * Brings over to the shadow what changed in the target since the last sync. The target is only read, and nobody is held up.
 *
 * @example
 * const { rowsBroughtOver, lagBytes } = await syncShadow(target);
 * @throws BelayError SHADOW_NOT_FOUND, SCHEMA_CHANGED, SHADOW_ROW_REFUSED, SHADOW_DIFFERS, MIGRATION_FAILED (of the script
 *   after the sync), LOCKED; the shadow is as it was then, or up to an earlier moment of the target
 */
export async function syncShadow(
  target: Target,
  options: SyncShadowOptions = {},
): Promise<SyncResult> {
  const script = await readAfterSync(options.afterSync, options.cwd ?? target.cwd);
  return underLock(target, options, (work) => syncUnderLock(work, script, options));
}

async function syncUnderLock(
  work: Work,
  script: AfterSync | null,
  options: SyncShadowOptions,
): Promise<SyncResult> {
  const startedAt = performance.now();
  const found = await requireShadow(work.main, work.target.database);
  if (found.stale !== null)
    throw schemaChanged(`its shadow is of another database: ${found.stale}`);
  return withShadowWork(work, found, async (shadowWork) => {
    await checkTargetSchema(shadowWork);
    const how = await chooseWay(shadowWork);
    const brought = await reportStep(work.reporter, { name: 'sync', detail: found.database }, () =>
      bringOver(shadowWork, {
        ...{ how, isVerified: options.isVerified },
        beforeCommit: script
          ? (record) => runAfterSync(shadowWork.shadow, script, record)
          : undefined,
      }),
    );
    return toResult(found, how, brought, startedAt);
  });
}

/** @throws BelayError SCHEMA_CHANGED where the target is not what was copied: its columns may be others */
async function checkTargetSchema({ source, record }: ShadowWork): Promise<void> {
  if (versionChecksum(await readSchemaModel(source)) === record.targetChecksum) return;
  throw schemaChanged('its schema is not what it was when its shadow was created');
}

function schemaChanged(why: string): BelayError {
  return new BelayError('SCHEMA_CHANGED', `nothing can be brought over from the target: ${why}`, {
    hint: 'Abort the shadow with `belay shadow abort`, and create it again.',
  });
}

/** A slot that the server has given up says nothing any more, but what changed can still be found by scanning. */
export async function chooseWay({
  source,
  record,
  reporter,
}: ShadowWork): Promise<BringOverOptions['how']> {
  const { replication } = record;
  if (!replication) return 'scan';
  const slot = await readSlot(source, replication.slot);
  if (slot && slot.walStatus !== 'lost') return 'logical';
  const why = slot ? 'the server has removed WAL that it needs' : 'it is gone';
  const message = `the replication slot "${replication.slot}" is lost (${why}): what changed is found by scanning`;
  reporter({ type: 'warning', message });
  return 'scan';
}

function toResult(
  { database }: FoundShadow,
  method: BringOverOptions['how'],
  { record, tables, rowsBroughtOver, lagBytes }: BroughtOver,
  startedAt: number,
): SyncResult {
  return {
    ok: true,
    ...{ database, method, tables, rowsBroughtOver, lagBytes },
    untransformed: untransformedRows(record),
    at: record.sync.at,
    durationMs: Math.round(performance.now() - startedAt),
  };
}

/** Rows that came when the migration had run, of tables whose rows it has changed: they lack what it did. */
export function untransformedRows({ tables }: Pick<ShadowRecord, 'tables'>): {
  readonly table: string;
  readonly rows: number;
}[] {
  return tables.flatMap((table) =>
    table.arrived > 0 && changesArrivals(table) ? [{ table: table.name, rows: table.arrived }] : [],
  );
}

const changesArrivals = ({ transformed, shadowOid }: ShadowTable): boolean =>
  transformed !== null && shadowOid !== null;

export interface AfterSync {
  readonly file: string;
  readonly sql: string;
  readonly statements: readonly Statement[];
}

/** Read before anything is done. @throws BelayError MIGRATIONS_NOT_FOUND, FILE_ERROR, BAD_MIGRATION */
export async function readAfterSync(
  file: string | undefined,
  cwd: string,
): Promise<AfterSync | null> {
  if (file === undefined) return null;
  const sql = await readSqlFile(cwd, file);
  const statements = await checkScript({ file, line: 1, sql, inTransaction: true });
  return { file, sql, statements };
}

/** With the settings that a connection of the user's own would have; arrivals have then been seen to. */
export async function runAfterSync(
  shadow: Session,
  { file, sql, statements }: AfterSync,
  record: ShadowRecord,
): Promise<ShadowRecord> {
  const script = { file, line: 1, sql, inTransaction: true };
  await shadow.execute('RESET ALL', 'setting up the script after the sync');
  for (const [index, statement] of statements.entries()) {
    try {
      await shadow.run(statement.sql, 'running the script after the sync');
    } catch (error) {
      throw scriptFailure(error, { script, statement, ran: statements.slice(0, index) });
    }
  }
  await shadow.resetSettings();
  return { ...record, tables: record.tables.map((table) => ({ ...table, arrived: 0 })) };
}
