import { formatQualifiedName } from '../../domain/qualified-name.js';
import type { RehearsedTable } from '../../domain/rehearsal.js';
import {
  type ColumnPairs,
  describeColumns,
  isComputedOtherwise,
  isRetyped,
  type KeptPair,
  matchRows,
  pairColumns,
  pairName,
  type RowMatch,
  type StateColumn,
  type TablePair,
} from '../../domain/state-comparison.js';
import type { Session } from '../session.js';
import { countTables, quoteQualifiedName } from '../sql/tables.js';
import { compareBuckets } from './compare-buckets.js';
import {
  type Candidates,
  countRows,
  loadBefore,
  type RowCounts,
  type RowScope,
} from './compare-rows.js';
import { readSamples } from './compare-samples.js';
import type { StateSides } from './compare-sides.js';
import { columnOf, isRefusedValue, prepareColumns } from './compare-values.js';
import { findChangedVersions } from './compare-versions.js';
import { keyLookup } from './find-by-key.js';
import type { TableWrites } from './read-state.js';

const noRows = { rowsBefore: 0, rowsAfter: 0, rowsInserted: 0, rowsDeleted: 0, rowsUpdated: 0 };

/** A table that is only there before, or only after. */
export async function compareOneSided(
  { before, after }: StateSides,
  pair: Exclude<TablePair, KeptPair>,
): Promise<RehearsedTable> {
  const table = pair.before ?? pair.after;
  const [rows = 0] = await countTables(pair.before ? before : after, [table]);
  const [key] = table.keys;
  const common = {
    ...{ table: pairName(pair), renamedTo: null, change: pair.change, columns: [], samples: [] },
    identity: key ? (key.isPrimary ? 'primary key' : 'unique key') : 'whole row',
    ...{ ...noRows, valuesLost: 0, valuesChanged: 0 },
  } as const;
  return pair.before
    ? { ...common, rowsBefore: rows, rowsDeleted: rows }
    : { ...common, rowsAfter: rows, rowsInserted: rows };
}

interface Found {
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  /** Null: no row differs. */
  readonly candidates: Candidates | null;
  /** `candidates.after` are exactly the row versions of the migration. */
  readonly isByVersion: boolean;
}

interface Comparison {
  readonly pair: KeptPair;
  readonly columns: ColumnPairs;
  readonly match: RowMatch;
  /** How much of it was written at most; null: not known. */
  readonly writes: TableWrites | null;
}

/** A table that is there before and after: which of its rows and values are other ones, counted exactly. */
export async function compareTable(
  sides: StateSides,
  pair: KeptPair,
  writes: TableWrites | null,
): Promise<RehearsedTable> {
  const columns = pairColumns(pair);
  const comparison = { pair, columns, match: matchRows(pair, columns.shared), writes };
  try {
    return await compareWith(sides, comparison, false);
  } catch (error) {
    // A value that the old type does not take back: casting with care is slow, and seldom needed.
    if (!isRefusedValue(error) || !columns.shared.some(isRetyped)) throw error;
    sides.signal?.throwIfAborted();
    return await compareWith(sides, comparison, true);
  }
}

async function compareWith(
  sides: StateSides,
  comparison: Comparison,
  isCareful: boolean,
): Promise<RehearsedTable> {
  const { pair, columns, match } = comparison;
  const shared = await prepareColumns(sides, columns.shared, isCareful);
  const key = shared.filter((column) => match.columns.includes(column.pair));
  const scope: RowScope = {
    pair,
    match,
    key,
    shared,
    dropped: columns.dropped,
    added: columns.added,
  };
  const found = await findCandidates(sides, comparison, scope);
  if (found.candidates) await loadBefore(sides, scope, found.candidates.before);
  const counts = found.candidates
    ? await countRows(sides.after, scope, found.candidates.after)
    : noCounts(scope);
  const samples = found.candidates
    ? await readSamples(sides, scope, found.candidates.after, counts)
    : [];
  const described = describeColumns(columns, {
    shared: counts.shared,
    dropped: await countDropped(sides, comparison, counts),
    added: await countAdded(sides, comparison, counts, found),
  });
  const [then, now] = [formatQualifiedName(pair.before), formatQualifiedName(pair.after)];
  return {
    ...{ table: then, renamedTo: then === now ? null : now, change: pair.change },
    ...{ identity: match.identity, rowsBefore: found.rowsBefore, rowsAfter: found.rowsAfter },
    ...{ rowsInserted: counts.inserted, rowsDeleted: counts.deleted, rowsUpdated: counts.updated },
    valuesLost: described.reduce((total, column) => total + column.valuesLost, 0),
    valuesChanged: described.reduce((total, column) => total + column.valuesChanged, 0),
    ...{ columns: described, samples },
  };
}

function noCounts({ shared, dropped, added }: RowScope): RowCounts {
  const part = { all: 0, kept: 0 };
  return {
    ...{ inserted: 0, deleted: 0, updated: 0, candidatesAfter: 0 },
    shared: shared.map(() => ({ lost: 0, changed: 0, set: 0 })),
    dropped: dropped.map(() => part),
    added: added.map(() => part),
  };
}

/** Its rows have the places that they had: no other file, nothing that is computed otherwise when it is read. */
function isInPlace({ pair, columns }: Comparison): boolean {
  const { change, before, after } = pair;
  return (
    change === 'kept' &&
    before.isHeap &&
    after.isHeap &&
    before.fileNode === after.fileNode &&
    !columns.shared.some(isComputedOtherwise)
  );
}

/** Certainly no row of it was written. */
const isUnwritten = ({ writes }: Comparison): boolean =>
  writes !== null && writes.inserts + writes.updates + writes.deletes === 0;

async function findCandidates(
  sides: StateSides,
  comparison: Comparison,
  scope: RowScope,
): Promise<Found> {
  const { pair, match, writes } = comparison;
  const { mark } = sides;
  if (isInPlace(comparison) && isUnwritten(comparison)) {
    const [rows = 0] = await countTables(sides.before, [pair.before]);
    return { rowsBefore: rows, rowsAfter: rows, candidates: null, isByVersion: true };
  }
  if (isInPlace(comparison) && mark) {
    const found = await findChangedVersions(sides, pair, {
      nextXid: mark.nextXid,
      writes,
      lookup: keyLookup(match),
    });
    if (found) {
      const { gone, arrived, ...rows } = found;
      if (gone.length + arrived.length === 0)
        return { ...rows, candidates: null, isByVersion: true };
      const before = gone.length === 0 ? [] : placeConditions(gone);
      const candidates = { before, after: placeCondition(arrived) };
      return { ...rows, candidates, isByVersion: true };
    }
  }
  const { where, ...rows } = await compareBuckets(sides, pair, {
    key: scope.key,
    all: scope.shared,
  });
  const candidates = where && { before: [where.before], after: where.after };
  return { ...rows, candidates, isByVersion: false };
}

const placesPerCopy = 20_000;

const placeCondition = (places: readonly string[]): string =>
  `t.ctid = ANY ('{${places.map((place) => `"${place}"`).join(',')}}'::tid[])`;

function placeConditions(places: readonly string[]): string[] {
  const result: string[] = [];
  for (let at = 0; at < places.length; at += placesPerCopy) {
    result.push(placeCondition(places.slice(at, at + placesPerCopy)));
  }
  return result;
}

/** Values of dropped columns in rows that stay: all there were, without those of the rows that were deleted. */
async function countDropped(
  sides: StateSides,
  { pair, columns }: Comparison,
  counts: RowCounts,
): Promise<number[]> {
  const totals = await countValues(sides.before, pair.before, columns.dropped);
  return totals.map((total, index) => {
    const { all, kept } = counts.dropped[index] ?? { all: 0, kept: 0 };
    return total - all + kept;
  });
}

/** Values of added columns in rows that were there before: all there are, without those of the rows that were inserted. */
async function countAdded(
  sides: StateSides,
  comparison: Comparison,
  counts: RowCounts,
  { rowsAfter, isByVersion }: Found,
): Promise<number[]> {
  const { pair, columns } = comparison;
  const { added } = columns;
  const isKnown = isByVersion && added.every(({ generated }) => generated !== 'v');
  const part = (index: number) => counts.added[index] ?? { all: 0, kept: 0 };
  if (isKnown) {
    // Rows that nobody has written have the column's default, all of them, or nothing.
    const unwritten = rowsAfter - counts.candidatesAfter;
    return added.map(
      ({ hasMissingValue }, index) => (hasMissingValue ? unwritten : 0) + part(index).kept,
    );
  }
  const totals = await countValues(sides.after, pair.after, added);
  return totals.map((total, index) => total - part(index).all + part(index).kept);
}

async function countValues(
  session: Session,
  table: KeptPair['before'],
  columns: readonly StateColumn[],
): Promise<number[]> {
  if (columns.length === 0) return [];
  const counts = columns.map((column) => `count(${columnOf('t', column)})`);
  const row = await session.queryOne<{ counts: string[] }>(
    `SELECT ARRAY[${counts.join(', ')}] AS counts FROM ONLY ${quoteQualifiedName(table)} t`,
    [],
    `counting the values of ${table.schema}.${table.name}`,
  );
  return row.counts.map(Number);
}
