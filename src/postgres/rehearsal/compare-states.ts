import { formatQualifiedName } from '../../domain/qualified-name.js';
import type { RehearsedTable } from '../../domain/rehearsal.js';
import {
  isTableChanged,
  type KeptPair,
  pairTables,
  type StateComparison,
  type StateTable,
  type TablePair,
} from '../../domain/state-comparison.js';
import { cancelQueries } from '../cancel.js';
import { sqlStateOf } from '../pg-error.js';
import type { Session } from '../session.js';
import { compareLargeObjects } from './compare-large-objects.js';
import { compareSequences } from './compare-sequences.js';
import type { StateSides } from './compare-sides.js';
import { compareOneSided, compareTable } from './compare-table.js';
import { readStateTables, readWrites, type TableWrites } from './read-state.js';
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

async function openReader(open: OpenSession): Promise<Session> {
  const session = await open();
  await session.execute(readingSettings, 'beginning to compare');
  try {
    // The user's event triggers have nothing to say about a temporary table of ours, and might forbid it.
    await session.execute('SET session_replication_role = replica', 'beginning to compare');
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
  }
  return session;
}

/**
 * Nobody else works on the two databases: the queries may take what the server has. */
const readingSettings = `
  SET jit = off; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET work_mem = '64MB'`;

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
  const before = await openReader(open.before);
  const after = await openReader(open.after);
  const running = [before, after];
  let helper: Promise<Session> | undefined;
  const openHelper = () => {
    helper ??= openReader(open.after).then((session) => {
      running.push(session);
      return session;
    });
    return helper;
  };
  const sides = { before, after, openHelper, mark, sampleLimit, signal };
  // All are on one server, which knows them by their process ids.
  const cancel = () => void cancelQueries(open.before, running).catch(() => {});
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
  const writes = await readWrites(after, afterOid, isWhole ? null : mark);
  const left = await readStateTables(before);
  const right = await readStateTables(after);
  const tables: RehearsedTable[] = [];
  let tablesUntouched = 0;
  const pairs = pairTables(left, right);
  for (const pair of pairs) {
    signal?.throwIfAborted();
    const found = await comparePair(sides, pair, writes);
    if (!found) {
      tablesUntouched += 1;
      continue;
    }
    if (isTableChanged(found)) tables.push(found);
  }
  const objects = await compareLargeObjects(sides, writes);
  if (objects) tables.push(objects);
  const sequences = await compareSequences(sides);
  return { tables, tablesCompared: pairs.length - tablesUntouched, tablesUntouched, sequences };
}

/** @returns undefined where certainly nothing was done to it */
async function comparePair(
  sides: StateSides,
  pair: TablePair,
  writes: ReadonlyMap<number, TableWrites>,
): Promise<RehearsedTable | undefined> {
  if (pair.change === 'dropped' || pair.change === 'created') return compareOneSided(sides, pair);
  const counted = pair.change === 'kept' ? (writes.get(pair.after.oid) ?? null) : null;
  return isUntouched(pair, counted) ? undefined : compareTable(sides, pair, counted);
}

/** No row was written, and the table is as it was: there is nothing to look for. */
function isUntouched({ before, after }: KeptPair, writes: TableWrites | null): boolean {
  return (
    writes !== null &&
    writes.inserts + writes.updates + writes.deletes === 0 &&
    before.fileNode === after.fileNode &&
    formatQualifiedName(before) === formatQualifiedName(after) &&
    shapeOf(before) === shapeOf(after)
  );
}

/** Without the names of types, which may be others now. */
const shapeOf = ({ columns }: StateTable): string =>
  JSON.stringify(columns.map((column) => ({ ...column, type: '' })));
