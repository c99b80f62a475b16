import { formatQualifiedName } from '../../domain/qualified-name.js';
import type { ShadowTable, TransformedTable } from '../../domain/shadow.js';
import {
  mappedTable,
  newColumns,
  type PlacedPair,
  type PlacedTable,
  retypedColumns,
  type TablePlace,
} from '../../domain/shadow-mapping.js';
import type { Session } from '../../postgres/session.js';
import { isFilled, type WrittenRows } from '../../postgres/shadow/read-written.js';

/** Rows of tables by OID. */
export type RowCounts = ReadonlyMap<number, number>;

export interface MeasuredTables {
  readonly before: RowCounts;
  readonly after: RowCounts;
  /** Since the copy was complete. */
  readonly written: ReadonlyMap<number, WrittenRows>;
  /** Whether a column of another type has the values that the target's would be as that. */
  readonly isSame: (place: TablePlace, pair: PlacedPair) => Promise<boolean>;
}

const nothing: WrittenRows = { inserted: 0, updated: 0, deleted: 0 };

/** The target's tables as the record has them: where they are in the shadow, and what the migration did to their rows. */
export async function describeTables(
  shadow: Session,
  places: readonly TablePlace[],
  measured: MeasuredTables,
): Promise<ShadowTable[]> {
  const tables: ShadowTable[] = [];
  for (const place of places) {
    const transformed = await describeTransformed(shadow, place, measured);
    tables.push({ ...mappedTable(place), transformed, arrived: 0 });
  }
  return tables;
}

async function describeTransformed(
  shadow: Session,
  place: TablePlace,
  measured: MeasuredTables,
): Promise<TransformedTable | null> {
  const { before, after } = place;
  if (!after) return null;
  const rows = place.isRemade
    ? movedInto(before, after, measured)
    : writtenTo(before, after, measured);
  const wasUpdated = rows.updated > 0 || rows.inserted > 0 || place.isRemade;
  const filled: string[] = [];
  for (const column of newColumns(place)) {
    if (await isFilled(shadow, after, column, wasUpdated)) filled.push(column.name);
  }
  const retyped: string[] = [];
  for (const pair of retypedColumns(place)) {
    const isSame = !(pair.isRemade && !place.isRemade) && (await measured.isSame(place, pair));
    if (!isSame) retyped.push(pair.after?.name ?? '');
  }
  const { inserted, updated, deleted } = rows;
  const isAny = inserted + updated + deleted + filled.length + retyped.length > 0;
  return isAny ? { inserted, updated, deleted, retyped, filled } : null;
}

/** A TRUNCATE counts no rows, and statistics can be lost: rows that came or went all the same are counted to what they must be. */
function writtenTo(
  before: PlacedTable | null,
  after: PlacedTable,
  { before: had, after: has, written }: MeasuredTables,
): WrittenRows {
  const { inserted, updated, deleted } = written.get(after.oid) ?? nothing;
  const rowsBefore = (before && had.get(before.oid)) ?? 0;
  const rowsAfter = has.get(after.oid) ?? 0;
  const missing = rowsBefore + inserted - deleted - rowsAfter;
  return {
    ...{ updated, inserted: inserted + Math.max(0, -missing) },
    deleted: deleted + Math.max(0, missing),
  };
}

/** The rows of a table that was made anew are no new ones, as far as there were as many: the migration has put the old ones into it. */
function movedInto(
  before: PlacedTable | null,
  after: PlacedTable,
  { before: had, after: has, written }: MeasuredTables,
): WrittenRows {
  const more = (has.get(after.oid) ?? 0) - ((before && had.get(before.oid)) ?? 0);
  const { updated } = written.get(after.oid) ?? nothing;
  return { updated, inserted: Math.max(0, more), deleted: Math.max(0, -more) };
}

/** Tables of the shadow with their rows, the largest first. */
export function summarize(
  tables: readonly PlacedTable[],
  rows: RowCounts,
  mapped: readonly ShadowTable[],
) {
  const transformed = new Set(
    mapped.flatMap((table) => (table.transformed === null ? [] : [table.shadowOid])),
  );
  return tables
    .filter(({ isPartitioned }) => !isPartitioned)
    .map((table) => ({
      table: formatQualifiedName(table),
      rows: rows.get(table.oid) ?? 0,
      transformed: transformed.has(table.oid),
    }))
    .sort((a, b) => b.rows - a.rows || (a.table < b.table ? -1 : 1));
}
