import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import { reportStep } from '../../domain/reporter.js';
import type { BrokenReference, ReplacedRows, TableLoss } from '../../domain/table-loss.js';
import type { Session } from '../../postgres/session.js';
import { countTables } from '../../postgres/sql/tables.js';
import { compareRows } from '../../postgres/table/compare-rows.js';
import {
  countBroken,
  countOld,
  countRecentlyBroken,
  describeBroken,
  type ForeignKey,
  type ReferenceCheck,
} from '../../postgres/table/foreign-keys.js';
import type { Work } from '../target/work.js';
import type { Blueprint } from './blueprint.js';
import type { BuiltRows } from './build-aside.js';
import type { Survey } from './survey.js';

/** What was found, and how to see later that it is no longer all. */
export interface MeasuredLoss {
  readonly loss: TableLoss;
  readonly checks: readonly MeasuredCheck[];
  /** Transactions from this one on may not have been seen. */
  readonly since: string;
}

export interface MeasuredCheck {
  readonly check: ReferenceCheck;
  readonly rows: number;
  /** What shows, when it is counted again, whether more can have broken. */
  readonly mark: number;
}

/** Rows of the table that comes back do not change, but what they refer to may go; of others newer rows may break. */
const isOutgoing = ({ table, key }: ReferenceCheck): boolean => table !== key.table;

/** Where a table is while the snapshot's are aside. */
function placeIn({ tables }: Blueprint): (table: QualifiedName) => QualifiedName {
  const places = new Map(tables.map(({ table, aside }) => [formatQualifiedName(table), aside]));
  return (table) => places.get(formatQualifiedName(table)) ?? table;
}

/** The foreign keys that can break, each with the tables as they will be. */
function referenceChecks(
  blueprint: Blueprint,
  { incoming, outgoing, existing }: Pick<Survey, 'incoming' | 'outgoing' | 'existing'>,
): ReferenceCheck[] {
  const place = placeIn(blueprint);
  const isPartition = existing.some((facts) => facts?.bound);
  const own = new Set(blueprint.tables.map(({ table }) => formatQualifiedName(table)));
  return [...incoming, ...outgoing]
    .filter((key) => key.enforced && !(isPartition && refersToParent(key, own)))
    .map((key) => ({ key, table: place(key.table), refersTo: place(key.refersTo) }));
}

/**
 * A foreign key on the partitioned table itself: which rows of it refer to the one partition cannot be told by looking at
 * that alone. PostgreSQL checks it when the partition is attached.
 */
function refersToParent({ table, refersTo }: ForeignKey, own: ReadonlySet<string>): boolean {
  return !own.has(formatQualifiedName(table)) && !own.has(formatQualifiedName(refersTo));
}

/** Measures, in one moment of the database, what putting the tables in place would break and replace. */
export function measureLoss(
  work: Work,
  session: Session,
  blueprint: Blueprint,
  survey: Survey,
  rows: BuiltRows,
): Promise<MeasuredLoss> {
  return reportStep(work.reporter, { name: 'look at what would be lost' }, () =>
    session.transaction(async () => {
      await session.execute(
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'",
        'beginning to compare',
      );
      const { since } = await session.queryOne<{ since: string }>(
        'SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text AS since',
      );
      const checks: MeasuredCheck[] = [];
      for (const check of referenceChecks(blueprint, survey)) {
        const { rows: broken, recent } = await countBroken(session, check, since);
        const mark = isOutgoing(check) ? await countOld(session, check.refersTo, since) : recent;
        checks.push({ check, rows: broken, mark });
      }
      const brokenReferences: BrokenReference[] = [];
      for (const { check, rows: broken } of checks) {
        if (broken > 0) brokenReferences.push(await describeBroken(session, check, broken));
      }
      const tables: ReplacedRows[] = [];
      for (const index of blueprint.tables.keys()) {
        tables.push(await compareTable(session, blueprint, survey, rows, index));
      }
      return { loss: { tables, brokenReferences, lostForeignKeys: survey.lost }, checks, since };
    }),
  );
}

async function compareTable(
  session: Session,
  blueprint: Blueprint,
  survey: Survey,
  rows: BuiltRows,
  index: number,
): Promise<ReplacedRows> {
  const [planned, now] = [blueprint.tables[index], survey.existing[index]];
  const unknown = { onlyNow: null, onlyThen: null, different: null };
  const table = planned ? formatQualifiedName(planned.table) : '';
  const rowsThen = rows[index] ?? 0;
  if (!planned || !now) return { table, rowsNow: null, rowsThen, ...unknown };
  const [rowsNow = 0] = await countTables(session, [now]);
  const compared = await compareRows(session, now, { ...planned.facts, ...planned.aside });
  return { table, rowsNow, rowsThen, ...(compared ?? unknown) };
}

/** Whether more can have broken since it was measured. Compares with nothing what was not written since. */
export async function hasGrown(
  session: Session,
  { checks, since }: MeasuredLoss,
): Promise<boolean> {
  for (const { check, mark } of checks) {
    const hasMore = isOutgoing(check)
      ? (await countOld(session, check.refersTo, since)) < mark
      : (await countRecentlyBroken(session, check, since)) > mark;
    if (hasMore) return true;
  }
  return false;
}
