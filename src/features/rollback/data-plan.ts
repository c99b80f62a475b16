import { orderBackups, Places } from '../../domain/data-placement.js';
import {
  addUpOutcomes,
  type BackupOutcome,
  type DataRollback,
  type DataViolation,
  keepsRows,
  type Placement,
  type Preference,
  type Skipped,
  type StepShapes,
  type TableShape,
} from '../../domain/data-rollback.js';
import type { RecordBackup } from '../../domain/record-backup.js';
import { verdictsFor } from '../../postgres/records/restore-assess.js';
import { readTableShapes } from '../../postgres/records/restore-shapes.js';
import {
  assessStep,
  type Rows,
  readKnownTypes,
  rowsAfterStep,
  rowsNow,
} from '../../postgres/records/restore-step.js';
import type { Session } from '../../postgres/session.js';

export interface DataRollbackOptions {
  /** Put the rows and values back that record backups keep. */
  readonly data?: boolean | undefined;
  /** With `data`: what holds where a value was changed since the migration; default "current". */
  readonly prefer?: Preference | undefined;
  /** With `data`: leave constraints unvalidated, or out, that rows written since break. */
  readonly unvalidated?: boolean | undefined;
}

/** What a step of a rollback puts back. */
export interface StepData {
  readonly shapes: StepShapes;
  readonly placements: readonly Placement[];
  readonly skipped: readonly Skipped[];
}

export interface DataSteps {
  readonly steps: readonly StepData[];
  readonly prefer: Preference;
}

export interface DataStep {
  /** Versions, newest first. */
  readonly versions: readonly string[];
  readonly shapes: StepShapes;
}

/** Finds where the records of each backup belong, step by step. */
export async function placeBackups(
  session: Session,
  steps: readonly DataStep[],
  backups: readonly RecordBackup[],
): Promise<StepData[]> {
  const places = new Places(await readTableShapes(session));
  return steps.map(({ versions, shapes }) => ({
    shapes,
    ...places.step(shapes, orderBackups(backups, versions)),
  }));
}

/**
 * Counts what would come back, by queries on the database as it is: nothing is changed, and no lock is taken that a writer
 * would feel. What a step would put back is there for the steps after it.
 */
export async function assessData(
  session: Session,
  { steps, prefer }: DataSteps,
  withoutBackup: readonly string[],
): Promise<DataRollback> {
  const all: BackupOutcome[] = [];
  const violations: DataViolation[] = [];
  const verdicts = verdictsFor(prefer);
  await abandoned(session, async () => {
    const known = await readKnownTypes(session, tablesOf(steps));
    let before: Rows = rowsNow(known);
    for (const { shapes, placements, skipped } of steps) {
      const rows = rowsAfterStep(before, shapes, known);
      const order = { shapes, placements, rows, verdicts, settled: new Set<number>() };
      const assessed = await assessStep(session, order);
      all.push(...assessed.outcomes, ...skipped.map(skippedOutcome));
      violations.push(...assessed.violations);
      before = assessed.rows;
    }
  });
  return { prefer, backups: all, violations, withoutBackup, totals: addUpOutcomes(all) };
}

const tablesOf = (steps: readonly StepData[]): TableShape[] =>
  steps.flatMap(({ shapes }) => [...shapes.after]);

/** A transaction of which nothing stays: the verdicts are temporary tables. */
async function abandoned(session: Session, work: () => Promise<void>): Promise<void> {
  const doing = 'counting what the record backups bring back';
  await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ', doing);
  try {
    await work();
  } finally {
    await session.execute('ROLLBACK', doing).catch(() => {});
  }
}

export function skippedOutcome({ backup, why }: Skipped): BackupOutcome {
  return {
    ...{ backup: backup.id, migration: backup.migrationVersion, kind: backup.kind },
    table: `${backup.tableSchema}.${backup.tableName}`,
    column: keepsRows(backup) ? null : backup.columnName,
    ...{ rows: 0, values: 0, conflicts: 0, missing: 0, blocked: 0 },
    ...{ skipped: why, samples: [] },
  };
}
