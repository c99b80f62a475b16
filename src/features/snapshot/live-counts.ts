import { countRows, listTables } from '../../postgres/fingerprint.js';
import type { Session } from '../../postgres/session.js';

/** Exact rows by table; null: counting took longer than it was given. */
export type LiveCounts = Readonly<Record<string, number | null>>;

/** Longest count of one table: it holds back whoever wants to alter the table. */
const longestCountMs = 5000;

/**
 * Counts the tables of a database that is in use, one by one and each within a time limit. What the time does not
 * suffice for is null: an estimate would be no answer.
 */
export async function readLiveCounts(session: Session, budgetMs: number): Promise<LiveCounts> {
  const deadline = performance.now() + budgetMs;
  const counts: Record<string, number | null> = {};
  for (const table of await listTables(session)) {
    const remainingMs = deadline - performance.now();
    const timeoutMs = Math.min(longestCountMs, Math.floor(remainingMs));
    counts[table.qualified] =
      timeoutMs < 10 ? null : await countRows(session, table, { timeoutMs });
  }
  return counts;
}

/** One table whose number of rows differs; null: not there, or not counted in time. */
export interface RowCountDifference {
  readonly table: string;
  readonly a: number | null;
  readonly b: number | null;
  /** One of the two could not be counted in time, so whether they differ is not known. */
  readonly unknown?: true;
}

/** Tables that do not have the same number of rows on both sides, sorted by name. */
export function compareCounts(a: LiveCounts, b: LiveCounts): RowCountDifference[] {
  const tables = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return tables.flatMap((table): RowCountDifference[] => {
    const [left, right] = [a[table], b[table]];
    if (left === right && left !== null) return [];
    const unknown = left === null || right === null;
    return [{ table, a: left ?? null, b: right ?? null, ...(unknown ? { unknown } : {}) }];
  });
}
