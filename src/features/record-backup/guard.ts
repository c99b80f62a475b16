import type { Loss } from '../../domain/impact/finding.js';
import { BelayError } from '../../errors.js';
import { withBelaySettings } from '../../postgres/belay-settings.js';
import { lockAgainstWriters } from '../../postgres/records/keeping.js';
import { findLostRecords } from '../../postgres/records/lost-records.js';
import type { ScriptHooks } from '../../postgres/run-script.js';
import type { Session } from '../../postgres/session.js';

/** How much one statement may take away. Null: that was not known, and is not looked at. */
export interface ApprovedLoss {
  /** Records, as `remeasure` counts them. */
  readonly records: number | null;
  /** Rows that an UPDATE, DELETE or MERGE touches, as the server tells. */
  readonly rows: number | null;
  /** For people: what is lost, e.g. "public.users.email". */
  readonly object: string;
}

export interface LossGuardOptions {
  readonly session: Session;
  /** By statement; undefined: it takes nothing away. */
  readonly approved: readonly (ApprovedLoss | undefined)[];
  /**
   * Tables are locked against writers before they are counted, so that what was counted is what goes. Left out: they are
   * not.
   */
  readonly losses?: readonly (readonly Loss[])[] | undefined;
  /** Counts a statement's records again, in the transaction, under Belay's own settings. Null: it cannot be known. */
  remeasure(index: number): Promise<number | null>;
}

/**
 * Stops a script whose loss has grown since it was approved: right before the statement by counting again, after it by the rows
 * that the server says it has touched. The transaction then rolls back.
 * @throws BelayError LOSS_GREW
 */
export function lossGuard(options: LossGuardOptions): ScriptHooks {
  const { session, approved, losses, remeasure } = options;
  return {
    // Else a statement that went too far would be committed before it is looked at.
    needsTransaction: (_, index) => approved[index] !== undefined,
    before: async (_, index) => {
      const limit = approved[index];
      if (!limit || limit.records === null) return;
      const records = await withBelaySettings(session, async () => {
        await lockLost(session, losses?.[index] ?? []);
        return remeasure(index);
      });
      if (records !== null && records > limit.records) {
        throw lossGrew(limit.object, limit.records, records);
      }
    },
    after: async ({ kind }, index, rowCount) => {
      const limit = approved[index];
      if (!limit || limit.rows === null || rowCount === null || !countsRows.has(kind)) return;
      if (rowCount > limit.rows) throw lossGrew(limit.object, limit.rows, rowCount);
    },
  };
}

const countsRows = new Set(['UpdateStmt', 'DeleteStmt', 'MergeStmt']);

async function lockLost(session: Session, losses: readonly Loss[]): Promise<void> {
  for (const { what, table } of await findLostRecords(session, losses)) {
    if (what !== 'rows') await lockAgainstWriters(session, table);
  }
}

const number = (value: number): string => value.toLocaleString('en-US');

export function lossGrew(object: string, approved: number, now: number): BelayError {
  return new BelayError(
    'LOSS_GREW',
    `the loss of ${object} grew from ${number(approved)} to ${number(now)} since it was approved`,
    {
      hint: 'Nothing of it was kept: the transaction was rolled back. Look at the plan again, and run it again.',
      details: { object, approved, now },
    },
  );
}
