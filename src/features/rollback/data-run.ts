import {
  addUpOutcomes,
  type BackupOutcome,
  type DataRollback,
  type DataViolation,
} from '../../domain/data-rollback.js';
import { type Reporter, reportStep } from '../../domain/reporter.js';
import { withBelaySettings } from '../../postgres/belay-settings.js';
import { verdictsFor } from '../../postgres/records/restore-assess.js';
import { prepareRestore, restoreStep } from '../../postgres/records/restore-step.js';
import type { Session } from '../../postgres/session.js';
import { markRestored } from '../../postgres/sql/record-backups.js';
import { type DataSteps, type StepData, skippedOutcome } from './data-plan.js';

/** Puts the records of a step back, in the transaction of the step. */
export interface StepRestorer {
  /** At the beginning of the transaction, before anything is changed. */
  prepare(): Promise<void>;
  /** After the schema's statements, before those that ask something of the rows. */
  restore(): Promise<void>;
}

/** Puts records back, step by step, and keeps account of it. */
export class DataRestorer {
  readonly #session: Session;
  readonly #order: DataSteps;
  readonly #reporter: Reporter;
  readonly #done = new Map<number, readonly BackupOutcome[]>();

  constructor(session: Session, order: DataSteps, reporter: Reporter) {
    this.#session = session;
    this.#order = order;
    this.#reporter = reporter;
  }

  /** What was put back; of steps whose transaction did not come to its end nothing. */
  outcome(
    committed: number,
    { withoutBackup, violations }: Pick<DataRollback, 'withoutBackup' | 'violations'>,
  ): DataRollback {
    const backups = [...this.#done].flatMap(([step, found]) => (step < committed ? found : []));
    const left: readonly DataViolation[] = violations;
    return {
      ...{ prefer: this.#order.prefer, backups, violations: left, withoutBackup },
      totals: addUpOutcomes(backups),
    };
  }

  /** Undefined where the step puts nothing back. */
  step(index: number): StepRestorer | undefined {
    const step = this.#order.steps[index];
    if (!step) return undefined;
    this.#done.set(index, step.skipped.map(skippedOutcome));
    if (step.placements.length === 0) return undefined;
    let settled: ReadonlySet<number> | undefined;
    const order = { ...step, verdicts: verdictsFor(this.#order.prefer) };
    const session = this.#session;
    return {
      // Its transaction may be tried again, from the beginning.
      prepare: async () => {
        settled = await withBelaySettings(session, () => prepareRestore(session, order));
      },
      restore: () =>
        withBelaySettings(session, async () => {
          settled ??= await prepareRestore(session, order);
          await this.#restore(index, step, settled);
          settled = undefined;
        }),
    };
  }

  async #restore(index: number, step: StepData, settled: ReadonlySet<number>): Promise<void> {
    const session = this.#session;
    const order = { ...step, settled, verdicts: verdictsFor(this.#order.prefer) };
    const { placements } = step;
    const detail = placements.map(({ table }) => table.sql);
    const name = 'put records back';
    const { outcomes } = await reportStep(
      this.#reporter,
      { name, detail: [...new Set(detail)].join(', ') },
      () => restoreStep(session, order),
    );
    await markRestored(
      session,
      placements.map(({ backup }) => backup.id),
    );
    for (const { table, column, rows, values } of outcomes) {
      const what = column === null ? `${rows} rows` : `${values} values of ${column}`;
      this.#reporter({ type: 'note', message: `${table}: ${what} are back` });
    }
    this.#done.set(index, [...outcomes, ...step.skipped.map(skippedOutcome)]);
  }
}
