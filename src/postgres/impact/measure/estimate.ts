import type { MeasuredTable } from '../../../domain/impact/measure.js';
import { type AttemptOptions, type Reading, Refusal, source } from './reading.js';

interface PlanNode {
  readonly 'Node Type'?: string;
  readonly 'Plan Rows'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Planning takes no time to speak of, and it may be all that is left. */
const planningTimeoutMs = 2_000;

async function planOf(
  reading: Reading,
  sql: string,
  options: AttemptOptions,
): Promise<PlanNode | undefined> {
  // The time for counting is up: planning has its own.
  const row = await reading.within(
    { ...options, isSerial: true, timeoutMs: planningTimeoutMs, isExtra: true },
    async () => (await reading.session.client.query(`EXPLAIN (FORMAT JSON) ${sql}`)).rows[0],
  );
  if (row instanceof Refusal) return undefined;
  return row?.['QUERY PLAN']?.[0]?.Plan;
}

const rowsOf = (plan: PlanNode | undefined): number | null => plan?.['Plan Rows'] ?? null;

/** Rows of a table for which a condition holds, as the planner thinks; null where it does not say. */
export async function estimateRows(
  reading: Reading,
  table: MeasuredTable,
  condition: string | null,
): Promise<number | null> {
  const known = reading.options.estimates.get(table.oid) ?? -1;
  if (condition === null && table.only && known >= 0) return Math.round(known);
  const where = condition === null ? '' : ` WHERE ${condition}`;
  const { searchPath } = table;
  return rowsOf(
    await planOf(reading, `SELECT 1 FROM ${source(table)}${where}`, { searchPath, table }),
  );
}

/** Rows that a counting query counts, as the planner thinks: what goes into its first aggregate. */
export async function estimateCounted(
  reading: Reading,
  sql: string,
  searchPath: string | null,
): Promise<number | null> {
  let node = await planOf(reading, sql, { searchPath });
  while (node && node['Node Type'] !== 'Aggregate') node = node.Plans?.[0];
  return rowsOf(node?.Plans?.find((plan) => plan['Plan Rows'] !== undefined));
}
