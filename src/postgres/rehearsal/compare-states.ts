import { formatQualifiedName } from '../../domain/qualified-name.js';
import type { RehearsedTable } from '../../domain/rehearsal.js';
import {
  isTableChanged,
  pairTables,
  type StateComparison,
  type StateTable,
  type TablePair,
} from '../../domain/state-comparison.js';
import { cancelQueries } from '../cancel.js';
import type { Session } from '../session.js';
import { compareSequences } from './compare-sequences.js';
import type { StateSides } from './compare-sides.js';
import { compareOneSided, compareTable } from './compare-table.js';
import { readStateTables, readUnwritten } from './read-state.js';
import type { StartMark } from './start-mark.js';

export type { StateComparison };

/** Opens a session in a database. Whoever gives the function closes what it opened. */
export type OpenSession = () => Promise<Session>;

export interface CompareStatesOptions {
  /** Read after the copy was made and before the migration; null: every row is compared. */
  readonly mark: StartMark | null;
  /** OID of the database after. */
  readonly afterOid: number;
  /** Rows shown of each table; default 5. */
  readonly sampleLimit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Statistics are not believed: every table is read. */
  readonly isWhole?: boolean | undefined;
}

/**
 * Nobody else works on the two databases: the queries may take what the server has. Without the last one the planner
 * would sort whole tables on disk to put a few thousand sums together.
 */
const readingSettings = `
  SET jit = off; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET work_mem = '64MB'; SET enable_sort = off`;

/**
 * Measures what a migration did to the rows of a database, exactly: "after" was made as a copy of "before"
 * (`CREATE DATABASE … TEMPLATE`, on the same server), the migration ran on it, and nobody uses either of them.
 *
 * @throws BelayError PERMISSION_DENIED where the role may not read all rows
 */
export async function compareStates(
  open: { readonly before: OpenSession; readonly after: OpenSession },
  options: CompareStatesOptions,
): Promise<StateComparison> {
  const { signal, mark, sampleLimit = 5 } = options;
  const sides = {
    before: await open.before(),
    after: await open.after(),
    mark,
    sampleLimit,
    signal,
  };
  const cancel = () => {
    cancelQueries(open.before, [sides.before]).catch(() => {});
    cancelQueries(open.after, [sides.after]).catch(() => {});
  };
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    signal?.throwIfAborted();
    return await compareAll(sides, options);
  } catch (error) {
    // The cancelled query's own error would only say that somebody cancelled it.
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

async function compareAll(
  sides: StateSides,
  { mark, afterOid, isWhole }: CompareStatesOptions,
): Promise<StateComparison> {
  const { before, after, signal } = sides;
  // Before anything else is read: a session's own first look at the statistics is theirs as they were then.
  const unwritten = await readUnwritten(after, afterOid, isWhole ? null : mark);
  const left = await readStateTables(before);
  const right = await readStateTables(after);
  await before.execute(readingSettings, 'beginning to compare');
  await after.execute(readingSettings, 'beginning to compare');
  const tables: RehearsedTable[] = [];
  let tablesUntouched = 0;
  const pairs = pairTables(left, right);
  for (const pair of pairs) {
    signal?.throwIfAborted();
    if (isUntouched(pair, unwritten)) {
      tablesUntouched += 1;
      continue;
    }
    const found =
      pair.change === 'dropped' || pair.change === 'created'
        ? await compareOneSided(sides, pair)
        : await compareTable(sides, pair, unwritten.has(pair.after.oid));
    if (isTableChanged(found)) tables.push(found);
  }
  const sequences = await compareSequences(sides);
  return { tables, tablesCompared: pairs.length - tablesUntouched, tablesUntouched, sequences };
}

/** No row was written, and the table is as it was: there is nothing to look for. */
function isUntouched(pair: TablePair, unwritten: ReadonlySet<number>): boolean {
  if (pair.change !== 'kept' || !unwritten.has(pair.after.oid)) return false;
  const { before, after } = pair;
  return (
    before.fileNode === after.fileNode &&
    formatQualifiedName(before) === formatQualifiedName(after) &&
    shapeOf(before) === shapeOf(after)
  );
}

const shapeOf = ({ columns }: StateTable): string => JSON.stringify(columns);
