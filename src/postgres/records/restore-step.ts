import { parentsFirst, twinOf } from '../../domain/data-placement.js';
import {
  type BackupOutcome,
  type DataViolation,
  keepsRows,
  type Placement,
  type StepShapes,
  type TableShape,
} from '../../domain/data-rollback.js';
import type { Session } from '../session.js';
import { applyBackup } from './restore-apply.js';
import { countOutcome, dropVerdicts, findVerdicts, makeVerdicts } from './restore-assess.js';
import { countViolations, findBlocked, type RestoredTable } from './restore-blocked.js';
import { applyByOrder, findLines, readInOrder } from './restore-by-order.js';
import { beQuiet } from './restore-quiet.js';
import {
  baseRelation,
  carryRelation,
  columnsThroughStep,
  isFoundByOrder,
  isWhole,
  type KnownTypes,
  type Relation,
  type Verdicts,
  withBackup,
} from './restore-relation.js';
import { moveSequences } from './restore-sequences.js';

const doing = 'looking at what the record backups can bring back';

/** Rows of a table by its oid in the copy of the schema; `whole`: with those of the tables below it. */
export type Rows = (table: TableShape, whole: boolean) => Relation;

/** The rows that the tables have now. */
export function rowsNow(known: KnownTypes, isNumbered = false): Rows {
  return (table, whole) => {
    const columns = table.columns.map((then) => ({ now: then, then }));
    return baseRelation(whole ? table.sql : `ONLY ${table.sql}`, columns, known, isNumbered);
  };
}

/**
 * The rows as each statement of the migration left them. What one statement converted is found by all that it left, not by
 * what is back of it already.
 */
class StatementRows {
  readonly #found = new Map<string, { readonly statement: string; readonly relation: Relation }>();

  at({ backup, table }: Placement, current: Relation): Relation {
    const statement = `${backup.migrationVersion}/${backup.statement}`;
    const known = this.#found.get(table.sql);
    if (known?.statement === statement) return known.relation;
    this.#found.set(table.sql, { statement, relation: current });
    return current;
  }
}

/** What the schema's step makes of rows: other names, columns that go, columns without values. */
export function rowsAfterStep(before: Rows, shapes: StepShapes, known: KnownTypes): Rows {
  return (table, whole) => {
    const twin = twinOf(shapes, table);
    const columns = columnsThroughStep(twin, table);
    return twin
      ? carryRelation(before(twin, whole), columns, known)
      : baseRelation(null, columns, known);
  };
}

/** The types of the columns that exist in the session's database now. */
export async function readKnownTypes(
  session: Session,
  tables: readonly TableShape[],
): Promise<KnownTypes> {
  const types = [...new Set(tables.flatMap(({ columns }) => columns.map(({ type }) => type)))];
  const rows = await session.query<{ type: string }>(
    `SELECT t.type FROM pg_catalog.unnest($1::text[]) AS t (type) WHERE pg_catalog.to_regtype(t.type) IS NOT NULL`,
    [types],
    doing,
  );
  return new Set(rows.map(({ type }) => type));
}

export interface StepAssessment {
  readonly placements: readonly Placement[];
  readonly outcomes: readonly BackupOutcome[];
  readonly violations: readonly DataViolation[];
  /** The rows when everything is back that can come back. */
  readonly rows: Rows;
}

export interface AssessOrder {
  readonly shapes: StepShapes;
  /** In the order in which they are put back. */
  readonly placements: readonly Placement[];
  /** After the schema's step, before anything is put back. */
  readonly rows: Rows;
  readonly verdicts: Verdicts;
  /** Ids of backups whose verdicts were found before the schema's step. */
  readonly settled: ReadonlySet<number>;
}

/**
 * Finds what each backup brings back, one after another as if those before it had been put back. Nothing of the user's is changed;
 * the verdicts are temporary tables of the transaction.
 */
export async function assessStep(session: Session, order: AssessOrder): Promise<StepAssessment> {
  const { shapes, verdicts, settled } = order;
  const placements = parentsFirst(order.placements);
  const current = new Map<string, Relation>();
  const keyOf = (table: TableShape, whole: boolean) => `${table.oid}/${whole}`;
  const rows: Rows = (table, whole) => {
    const key = keyOf(table, whole);
    const found = current.get(key) ?? order.rows(table, whole);
    current.set(key, found);
    return found;
  };
  const statements = new StatementRows();
  for (const placement of placements) {
    const { table, backup } = placement;
    const whole = isWhole(placement);
    const relation = rows(table, whole);
    const left = statements.at(placement, relation);
    if (!settled.has(backup.id)) {
      await makeVerdicts(session, placement);
      await findVerdicts(session, placement, isFoundByOrder(placement) ? left : relation);
    }
    current.set(keyOf(table, whole), withBackup(relation, placement, verdicts));
  }
  const byOid = new Map(shapes.after.map((table) => [table.oid, table]));
  const relations = (oid: number): Relation => {
    const table = byOid.get(oid);
    if (!table) return baseRelation(null, [], new Set());
    return rows(table, wholeOf(table, placements));
  };
  const tables = restoredTables(placements);
  await findBlocked(session, tables, relations, verdicts);
  const outcomes: BackupOutcome[] = [];
  for (const placement of placements)
    outcomes.push(await countOutcome(session, placement, verdicts));
  const violations: DataViolation[] = [];
  for (const table of tables)
    violations.push(...(await countViolations(session, table, relations)));
  return { placements, outcomes, violations, rows };
}

/** The rows in which a table's backups were put back. */
function wholeOf(table: TableShape, placements: readonly Placement[]): boolean {
  const own = placements.find((placement) => placement.table === table);
  return own ? isWhole(own) : table.isPartitioned;
}

function restoredTables(placements: readonly Placement[]): RestoredTable[] {
  const tables = [...new Set(placements.map(({ table }) => table))];
  return tables.map((table) => ({
    table,
    placements: placements.filter((placement) => placement.table === table),
  }));
}

export interface RestoreOrder {
  readonly shapes: StepShapes;
  readonly placements: readonly Placement[];
  readonly verdicts: Verdicts;
}

/**
 * Before the schema's step: keeps writers away from the tables, and finds what was changed since the migration as long as the
 * values have the type that it gave them.
 * @returns ids of the backups that are settled
 */
export async function prepareRestore(session: Session, order: RestoreOrder): Promise<Set<number>> {
  const { shapes, placements, verdicts } = order;
  const there = [...new Set(placements.flatMap(({ before }) => (before ? [before.sql] : [])))];
  // What is counted has to be what is done. Readers go on until the schema is changed.
  if (there.length > 0) {
    await session.execute(
      `LOCK TABLE ${there.sort().join(', ')} IN SHARE ROW EXCLUSIVE MODE`,
      doing,
    );
  }
  const compared = placements.filter(({ backup }) =>
    ['conversion', 'update'].includes(backup.kind),
  );
  if (compared.length === 0) return new Set();
  const known = await readKnownTypes(session, shapes.after);
  const isOrdered = placements.some(isFoundByOrder);
  if (isOrdered) await readInOrder(session);
  const rows = rowsAfterStep(rowsNow(known, isOrdered), shapes, known);
  const current = new Map<string, Relation>();
  const statements = new StatementRows();
  for (const placement of parentsFirst(placements)) {
    const key = `${placement.table.oid}/${isWhole(placement)}`;
    const relation = current.get(key) ?? rows(placement.table, isWhole(placement));
    const left = statements.at(placement, relation);
    await makeVerdicts(session, placement);
    await findVerdicts(session, placement, isFoundByOrder(placement) ? left : relation);
    if (isFoundByOrder(placement)) await findLines(session, placement, left);
    current.set(key, withBackup(relation, placement, verdicts));
  }
  for (const placement of placements) {
    if (!compared.includes(placement)) await dropVerdicts(session, placement);
  }
  return new Set(compared.map(({ backup }) => backup.id));
}

/**
 * After the schema's step, in its transaction: puts everything back that can come back, and proves it.
 * @throws BelayError FINGERPRINT_MISMATCH; the transaction must not be committed then
 */
export async function restoreStep(
  session: Session,
  order: RestoreOrder & { readonly settled: ReadonlySet<number> },
): Promise<StepAssessment> {
  const { placements } = order;
  if (placements.length === 0) {
    return { placements: [], outcomes: [], violations: [], rows: rowsNow(new Set()) };
  }
  const restoreNoise = await beQuiet(session, placements);
  const known = await readKnownTypes(session, order.shapes.after);
  const assessed = await assessStep(session, { ...order, rows: rowsNow(known) });
  const ordered = assessed.placements.filter(
    (placement) => isFoundByOrder(placement) && order.settled.has(placement.backup.id),
  );
  // First: whatever else is put back moves rows.
  await applyByOrder(session, ordered, order.verdicts);
  for (const [index, placement] of assessed.placements.entries()) {
    const outcome = assessed.outcomes[index];
    if (!outcome || ordered.includes(placement)) continue;
    await applyBackup(session, placement, outcome, order.verdicts);
  }
  await restoreNoise();
  await moveSequences(
    session,
    placements.filter(({ backup }) => keepsRows(backup)),
  );
  return assessed;
}
