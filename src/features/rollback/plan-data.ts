import type { AssessedChange } from '../../domain/change-safety.js';
import { formatColumnName } from '../../domain/data-placement.js';
import type { DataRollback } from '../../domain/data-rollback.js';
import type { RollbackIssue } from '../../domain/rollback.js';
import type { SchemaModel } from '../../domain/schema-model.js';
import { BelayError } from '../../errors.js';
import type { MigrationState } from '../migration/migration-state.js';
import type { Scratch } from '../schema/scratch.js';
import { backupsInForce } from './data-backups.js';
import { orderForData } from './data-order.js';
import { assessData, type DataRollbackOptions, type DataSteps, placeBackups } from './data-plan.js';
import type { SimulatedStep } from './simulate.js';

export interface PlanDataOrder {
  /** The schema that is there now. */
  readonly live: SchemaModel;
  readonly simulated: readonly SimulatedStep[];
  readonly options: DataRollbackOptions;
}

export interface PlannedData {
  /** With the statements in the order in which the records come between them. */
  readonly simulated: readonly SimulatedStep[];
  readonly data: DataSteps;
  readonly rollback: DataRollback;
}

/**
 * Finds the backups of the migrations and what they would bring back. Statements that ask something of the rows are moved
 * behind the data; that too is tried on the copy.
 * @throws BelayError RECORDS_NOT_KEPT where there is no backup at all and `force` was not given
 */
export async function planData(
  state: MigrationState,
  scratch: Scratch,
  { live, simulated, options }: PlanDataOrder,
): Promise<PlannedData> {
  const versionsOf = ({ route }: SimulatedStep) => route.migrations.map(({ version }) => version);
  const versions = simulated.flatMap(versionsOf);
  const backups = await backupsInForce(state.session, versions, state.entries);
  const isKept = (version: string) =>
    backups.some(({ migrationVersion }) => migrationVersion === version);
  const withoutBackup = simulated
    .filter((step) => backups.length === 0 || bringsBack(step))
    .flatMap(versionsOf)
    .filter((version) => !isKept(version));
  const steps = await placeBackups(
    state.session,
    simulated.map((step) => ({ versions: versionsOf(step), shapes: step.shapes })),
    backups,
  );
  const data: DataSteps = { steps, prefer: options.prefer ?? 'current' };
  const rollback = await assessData(state.session, data, withoutBackup);
  const left = options.unvalidated ? rollback.violations : [];
  const ordered: SimulatedStep[] = [];
  for (const [index, step] of simulated.entries()) {
    const isNeeded = (steps[index]?.placements.length ?? 0) > 0;
    const before = simulated[index - 1]?.model ?? live;
    ordered.push(isNeeded ? await orderForData(scratch, step, { before, left }) : step);
  }
  return { simulated: ordered, data, rollback };
}

/** What the schema gets back may have had rows or values; of what a migration only deleted nothing is seen. */
function bringsBack({ changes }: SimulatedStep): boolean {
  const holders = ['table', 'column'];
  return changes.some(({ kind, object }) => kind === 'added' && holders.includes(object));
}

/** @throws BelayError RECORDS_NOT_KEPT */
export function requireBackups({ backups, withoutBackup }: DataRollback): void {
  if (backups.length > 0) return;
  throw new BelayError(
    'RECORDS_NOT_KEPT',
    `there is no record backup of ${withoutBackup.join(', ')}: no rows can be brought back`,
    {
      hint: 'Nothing was changed. --force takes the schema back alone; a snapshot from before may have the rows (`belay list`). `belay migrate up --backup database` keeps them the next time.',
      details: { migrations: withoutBackup },
    },
  );
}

/** @throws BelayError ROWS_IN_THE_WAY */
export function requireNoViolations({ violations }: DataRollback): void {
  if (violations.length === 0) return;
  const named = violations.map(
    ({ table, constraint, kind, rows }) =>
      `${rows} ${rows === 1 ? 'row' : 'rows'} of ${table} would break ${kind === 'not null' ? `NOT NULL of ${constraint}` : `${constraint} (${kind})`}`,
  );
  throw new BelayError(
    'ROWS_IN_THE_WAY',
    `rows written since the migration are in the way: ${named.join('; ')}`,
    {
      hint: 'Nothing was changed. Mend these rows first, or go on with --leave-unvalidated: CHECK and foreign keys are then added NOT VALID, NOT NULL and unique keys are left out.',
      details: { violations },
    },
  );
}

export function dataNotes({ withoutBackup }: DataRollback): string[] {
  return withoutBackup.map(
    (version) =>
      `${version} has no record backup: rows and values that it removed are not brought back`,
  );
}

/** What somebody has written since the migration goes where the backup is preferred. */
export function overwriteIssues({ prefer, backups }: DataRollback): RollbackIssue[] {
  if (prefer === 'current') return [];
  return backups.flatMap(({ migration, table, column, conflicts }) => {
    if (conflicts === 0) return [];
    const what =
      column === null ? 'rows that are there again' : `values of ${column} changed since`;
    return [
      {
        ...{ migration, safety: 'DATA_LOSS' as const, rowsLost: conflicts },
        description: `${table}: ${conflicts.toLocaleString('en-US')} ${what} are overwritten by the backup`,
        recommendation: 'Prefer what is there now, or look at the listed ones first.',
      },
    ];
  });
}

/** Whether a change of a step is no issue any more, as the data comes back with it. */
export type SettledChange = (step: number, change: AssessedChange) => boolean;

export const noneSettled: SettledChange = () => false;

/** What asks something of the rows of a table that is restored is looked at together with them. */
export function restoredObjects({ steps }: DataSteps): SettledChange {
  const settled = steps.map(({ placements }) => ({
    columns: new Set(
      placements.flatMap(({ table, values }) =>
        values.map(({ column }) => formatColumnName(table, column)),
      ),
    ),
    tables: new Set(placements.map(({ table }) => table.sql)),
  }));
  return (step, { kind, object, name, measure }) => {
    const own = settled[step];
    if (!own) return false;
    if (kind === 'added' && object === 'column') return own.columns.has(name);
    const asks = measure?.what === 'violations' || measure?.what === 'nulls';
    return asks && own.tables.has(measure.table);
  };
}
