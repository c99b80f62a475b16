import { Readable } from 'node:stream';
import { fillStage } from './apply-fill.js';
import { type Merged, mergeStage, StageConflict } from './apply-merge.js';
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
import { compareKeys, type KeyComparison, stageMissing } from './scan-keys.js';
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
  // Changed rows are found by the key's index: the planner's idea of a disk would have it read the whole table instead.
  await shadow.execute('SET LOCAL jit = off; SET LOCAL random_page_cost = 1.1', 'setting up');
  if (!table.key) return scanUnkeyed(scan, await changedSince(source, scan.since));
  const order: StageOrder = { table, given: table.columns.map((_, index) => index) };
  const changed = await stageChanged(scan, order);
  const rowsInSource = changed.rowsInSource ?? (await countSource(source, table));
  const merged = changed.staged > 0 ? await mergeChanged(scan, order, rowsInSource) : nothing;
  const after = changed.rowsInShadow + merged.inserted - merged.deleted;
  return settleDeleted(scan, order, { rowsInSource, rowsInShadow: after, done: merged });
}

const nothing = { updated: 0, inserted: 0, deleted: 0 };

interface Changed {
  readonly staged: number;
  /** Null: not known, to be counted. */
  readonly rowsInSource: number | null;
  /** Before anything was merged. */
  readonly rowsInShadow: number;
}

/**
 * One scan gives the changed rows, and by the session's own statistics the number of all. Meanwhile the shadow counts its
 * own, on its own processor.
 */
async function stageChanged(scan: TableScan, order: StageOrder): Promise<Changed> {
  const { source, shadow, table } = scan;
  const filter = await changedSince(source, scan.since);
  const query = `SELECT ${sourceColumns(table, order.given)} FROM ${sourceRelation(table)} t WHERE ${filter}`;
  const before = await rowsRead(source, table);
  const open = peek(() => copyOut(source, query));
  open.catch(() => {});
  const rowsInShadow = scan.rowsInShadow ?? (await countShadow(shadow, table));
  const rows = await open;
  const staged = rows ? await stageRows(scan, order, rows, query) : 0;
  if (rows) await analyseStage(shadow, staged);
  const after = await rowsRead(source, table);
  const read = before === null || after === null ? null : after - before;
  // Statistics that know of fewer rows than were read are none.
  return { staged, rowsInShadow, rowsInSource: read === null || read < staged ? null : read };
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
  readonly updated: number;
  readonly inserted: number;
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
    deleted = (await compareKeys(await comparisonOf(scan, rowsInSource))).deleted;
    merged = await mergeOrRefuse(scan, order);
  }
  await forgetStaged(scan.shadow, scan.table);
  await scan.onMerged?.(order);
  return { ...merged, deleted };
}

async function mergeOrRefuse({ shadow }: TableScan, order: StageOrder): Promise<Merged> {
  try {
    return await mergeStage(shadow, order);
  } catch (error) {
    throw error instanceof StageConflict ? error.refused : error;
  }
}

async function comparisonOf(
  { source, shadow, table }: TableScan,
  rows: number,
): Promise<KeyComparison> {
  return { source, shadow, table, rows, isNoted: await hasNotes(shadow, table) };
}

interface Merging {
  readonly rowsInSource: number;
  readonly rowsInShadow: number;
  readonly done: Counts;
}

/**
 * All rows of the target are in the shadow now, but for those that the migration deleted. So the numbers of rows agree only
 * where none was deleted since, and nobody has deleted any in the shadow.
 */
async function settleDeleted(
  scan: TableScan,
  order: StageOrder,
  { rowsInSource, rowsInShadow, done }: Merging,
): Promise<ScannedTable> {
  const result = async (rows: number, counts: Counts): Promise<ScannedTable> => {
    const { inserted, deleted } = await countNotes(scan.shadow, scan.table);
    const upserted = counts.updated + counts.inserted;
    const rowsByMigration = inserted - deleted;
    return { upserted, deleted: counts.deleted, rowsInSource, rowsInShadow: rows, rowsByMigration };
  };
  const agrees = (found: ScannedTable) =>
    found.rowsInShadow - found.rowsByMigration === rowsInSource;
  const before = await result(rowsInShadow, done);
  if (agrees(before)) return before;
  await scan.beforeWriting?.();
  const comparison = await comparisonOf(scan, rowsInSource);
  const { deleted, filter } = await compareKeys(comparison);
  const counts = { ...done, deleted: done.deleted + deleted };
  const after = await result(rowsInShadow - deleted, counts);
  if (agrees(after) || filter === null) return after;
  await stageMissing(comparison, filter);
  const merged = await mergeOrRefuse(scan, order);
  await scan.onMerged?.(order);
  const updated = counts.updated + merged.updated;
  return result(rowsInShadow - deleted + merged.inserted, {
    ...counts,
    ...{ updated, inserted: counts.inserted + merged.inserted },
  });
}
