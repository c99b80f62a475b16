import { Readable } from 'node:stream';
import { fillStage } from './apply-fill.js';
import { mergeStage, StageConflict } from './apply-merge.js';
import { isRefusal, lineOfCopy, rowRefused } from './apply-refusal.js';
import { analyseStage, copyOut, type RowSource, type StageOrder } from './apply-stage.js';
import { keyInLine } from './copy-lines.js';
import {
  changedSince,
  countSource,
  rowsRead,
  sourceColumns,
  sourceRelation,
} from './scan-filter.js';
import { type ComparedKeys, compareKeys } from './scan-keys.js';
import type { ScannedTable, TableScan } from './scan-table.js';
import { scanUnkeyed } from './scan-unkeyed.js';
import { countNotes, countShadow, forgetStaged, hasNotes } from './shadow-notes.js';

/**
 * Brings over what changed in a table since a snapshot, without anything that watches it: rows that a transaction since may
 * have written are found by their transaction's number in one scan; and rows that were deleted, where the numbers of rows
 * then differ, by comparing keys. A table without a key is copied anew as soon as anything in it has changed.
 *
 * @throws BelayError SHADOW_ROW_REFUSED, LOCK_TIMEOUT
 */
export async function scanTable(scan: TableScan): Promise<ScannedTable> {
  const { source, shadow, table } = scan;
  if (!table.shadow)
    return { upserted: 0, deleted: 0, rowsInSource: 0, rowsInShadow: 0, rowsByMigration: 0 };
  await source.execute('SET LOCAL jit = off; SET LOCAL synchronize_seqscans = off', 'setting up');
  await shadow.execute('SET LOCAL jit = off', 'setting up');
  if (!table.key) return scanUnkeyed(scan, await changedSince(source, scan.since));
  const order: StageOrder = { table, given: table.columns.map((_, index) => index) };
  const changed = await stageChanged(scan, order);
  const rowsInSource = changed.rowsInSource ?? (await countSource(source, table));
  const before = changed.staged > 0 ? await mergeChanged(scan, order, rowsInSource) : nothing;
  const after = await settleDeleted(scan, order, rowsInSource);
  return {
    ...after,
    rowsInSource,
    upserted: before.upserted + after.upserted,
    deleted: before.deleted + after.deleted,
  };
}

const nothing = { upserted: 0, deleted: 0 };

interface Changed {
  readonly staged: number;
  /** Null: not known, to be counted. */
  readonly rowsInSource: number | null;
}

/** One scan gives the changed rows, and by the session's own statistics the number of all. */
async function stageChanged(scan: TableScan, order: StageOrder): Promise<Changed> {
  const { source, shadow, table } = scan;
  const filter = await changedSince(source, scan.since);
  const query = `SELECT ${sourceColumns(table, order.given)} FROM ${sourceRelation(table)} t WHERE ${filter}`;
  const before = await rowsRead(source, table);
  const rows = await peek(() => copyOut(source, query));
  const staged = rows ? await stageRows(scan, order, rows, query) : 0;
  if (rows) await analyseStage(shadow, staged);
  const after = await rowsRead(source, table);
  const read = before === null || after === null ? null : after - before;
  // Statistics that know of fewer rows than were read are none.
  return { staged, rowsInSource: read === null || read < staged ? null : read };
}

async function stageRows(
  { shadow, source, table }: TableScan,
  order: StageOrder,
  rows: RowSource,
  query: string,
): Promise<number> {
  try {
    return await fillStage(shadow, order, rows);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const line = lineOfCopy(error);
    const key = line === null ? null : await keyInLine(copyOut(source, query), table, line);
    throw rowRefused(table, key, error);
  }
}

/** Most tables have no changed row, and then need no stage: the first piece tells. */
async function peek(open: RowSource): Promise<RowSource | null> {
  const pieces = open()[Symbol.asyncIterator]();
  const first = await pieces.next();
  if (first.done) return null;
  return () =>
    Readable.from(
      (async function* () {
        yield first.value;
        for (;;) {
          const next = await pieces.next();
          if (next.done) return;
          yield next.value;
        }
      })(),
    );
}

interface Counts {
  readonly upserted: number;
  readonly deleted: number;
}

async function mergeChanged(
  scan: TableScan,
  order: StageOrder,
  rowsInSource: number,
): Promise<Counts> {
  await scan.beforeWriting?.();
  let deleted = 0;
  let merged = await mergeStage(scan.shadow, order).catch((error) => {
    if (error instanceof StageConflict) return null;
    throw error;
  });
  if (!merged) {
    // Their unique values may be those of rows that the target has deleted: these go first, for once.
    deleted = (await compare(scan, rowsInSource, false)).deleted;
    merged = await mergeStage(scan.shadow, order).catch((error) => {
      throw error instanceof StageConflict ? error.refused : error;
    });
  }
  await forgetStaged(scan.shadow, scan.table);
  await scan.onMerged?.(order);
  return { upserted: merged.updated + merged.inserted, deleted };
}

async function compare(
  { source, shadow, table }: TableScan,
  rows: number,
  healing: boolean,
): Promise<ComparedKeys> {
  const isNoted = await hasNotes(shadow, table);
  return compareKeys({ source, shadow, table, rows, isNoted, healing });
}

/**
 * All rows of the target are in the shadow now, but for those that the migration deleted. So the numbers of rows agree only
 * where none was deleted since, and nobody has deleted any in the shadow.
 */
async function settleDeleted(
  scan: TableScan,
  order: StageOrder,
  rowsInSource: number,
): Promise<Counts & Pick<ScannedTable, 'rowsInShadow' | 'rowsByMigration'>> {
  const now = await countBoth(scan);
  if (now.rowsInShadow - now.rowsByMigration === rowsInSource) return { ...nothing, ...now };
  await scan.beforeWriting?.();
  const { deleted, missing } = await compare(scan, rowsInSource, true);
  let upserted = 0;
  if (missing > 0) {
    const merged = await mergeStage(scan.shadow, order).catch((error) => {
      throw error instanceof StageConflict ? error.refused : error;
    });
    await scan.onMerged?.(order);
    upserted = merged.inserted + merged.updated;
  }
  return { upserted, deleted, ...(await countBoth(scan)) };
}

async function countBoth({ shadow, table }: TableScan) {
  const rowsInShadow = await countShadow(shadow, table);
  const { inserted, deleted } = await countNotes(shadow, table);
  return { rowsInShadow, rowsByMigration: inserted - deleted };
}
