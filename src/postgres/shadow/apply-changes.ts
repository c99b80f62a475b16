import type { MappedTable, RowChange, RowValues } from '../../domain/shadow.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../session.js';
import { fillStage } from './apply-fill.js';
import { deleteStaged, keysOnly, type Merged, mergeStage, StageConflict } from './apply-merge.js';
import { isRefusal, lineOfCopy, rowRefused } from './apply-refusal.js';
import { analyseStage, keyOf, rowsAsCopy, type StageOrder } from './apply-stage.js';

type Upsert = Extract<RowChange, { kind: 'upsert' }>;
type Key = readonly (string | null)[];

export interface ApplyOptions {
  /** Called when the upserted rows of a group are staged and merged: whoever checks them later notes their keys. */
  readonly onMerged?: ((order: StageOrder) => Promise<void>) | undefined;
}

/**
 * Makes changes of one table in the shadow, within the session's transaction: at most one for each key, in no order. Making
 * them twice does no harm. Triggers and foreign keys of the shadow are the caller's business: see `beginApplying`.
 *
 * @returns rows that are others now, and rows that are gone
 * @throws BelayError SHADOW_ROW_REFUSED with the key of the row and the server's words; LOCK_TIMEOUT
 */
export async function applyChanges(
  shadow: Session,
  table: MappedTable,
  changes: readonly RowChange[],
  options: ApplyOptions = {},
): Promise<{ upserted: number; deleted: number }> {
  if (!table.shadow || changes.length === 0) return { upserted: 0, deleted: 0 };
  if (!table.key)
    throw new BelayError('BUG', `${table.source.name} has no key to apply changes by`);
  const upserts = changes.filter((change): change is Upsert => change.kind === 'upsert');
  const moved = upserts.filter((change) => isMoved(table, change));
  const plain = upserts.filter((change) => !isMoved(table, change));
  const left = new Set(moved.map(({ oldKey }) => JSON.stringify(oldKey)));
  const gone = changes.flatMap((change) =>
    change.kind === 'delete' && !left.has(JSON.stringify(change.key)) ? [change.key] : [],
  );
  // Keys that are gone first, and those that moved: others may have them now.
  const deleted = await applyDeletes(shadow, table, gone);
  let upserted = 0;
  // All that move at once: one after the other they would take the places of others that have not moved yet.
  if (moved.length > 0) {
    upserted += await applyUpserts(shadow, { table, rows: moved, isMove: true, options });
  }
  for (const rows of byGivenColumns(plain)) {
    upserted += await applyUpserts(shadow, { table, rows, isMove: false, options });
  }
  return { upserted, deleted };
}

function isMoved(table: MappedTable, { oldKey, values }: Upsert): boolean {
  return oldKey !== null && keyOf(table).some((index, place) => values[index] !== oldKey[place]);
}

async function applyDeletes(
  shadow: Session,
  table: MappedTable,
  keys: readonly Key[],
): Promise<number> {
  if (keys.length === 0) return 0;
  const order = keysOnly(table);
  await staging(table, keys, () => fillStage(shadow, order, rowsAsCopy(keys)));
  await analyseStage(shadow, keys.length);
  return deleteStaged(shadow, table);
}

/** Rows with the same columns given: what was not sent is left as it is. */
function byGivenColumns(changes: readonly Upsert[]): Upsert[][] {
  const groups = new Map<string, Upsert[]>();
  for (const change of changes) {
    const pattern = change.values.map((value) => (value === undefined ? '-' : '+')).join('');
    const group = groups.get(pattern);
    if (group) group.push(change);
    else groups.set(pattern, [change]);
  }
  return [...groups.values()];
}

interface UpsertGroup {
  readonly table: MappedTable;
  readonly rows: readonly Upsert[];
  readonly isMove: boolean;
  readonly options: ApplyOptions;
}

async function applyUpserts(
  shadow: Session,
  { table, rows, isMove, options }: UpsertGroup,
): Promise<number> {
  const given = table.columns.flatMap((_, index) =>
    !isMove && rows[0]?.values[index] === undefined ? [] : [index],
  );
  const order: StageOrder = { table, given, hasOldKeys: isMove };
  const lines = rows.map(({ values, oldKey }) => [
    ...given.map((index) => values[index]),
    ...(isMove ? [...(oldKey ?? []), unsentOf(values)] : []),
  ]);
  const keys = rows.map(({ values }) => keyIn(table, values));
  await staging(table, keys, () => fillStage(shadow, order, rowsAsCopy(lines)));
  await analyseStage(shadow, rows.length);
  const merged = await merging(shadow, order);
  await options.onMerged?.(order);
  return merged.updated + merged.inserted;
}

/** Places of the values that were not sent, as an array of PostgreSQL. */
function unsentOf(values: RowValues): string {
  const places = values.flatMap((value, place) => (value === undefined ? [place] : []));
  return `{${places.join(',')}}`;
}

const keyIn = (table: MappedTable, values: RowValues): Key =>
  keyOf(table).map((index) => values[index] ?? null);

async function merging(shadow: Session, order: StageOrder): Promise<Merged> {
  try {
    return await mergeStage(shadow, order);
  } catch (error) {
    throw error instanceof StageConflict ? error.refused : error;
  }
}

/** @throws BelayError SHADOW_ROW_REFUSED for a value that the shadow's type does not take */
async function staging<T>(
  table: MappedTable,
  keys: readonly Key[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const line = lineOfCopy(error);
    throw rowRefused(table, (line === null ? undefined : keys[line - 1]) ?? null, error);
  }
}
