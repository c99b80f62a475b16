import type { NewLedgerEntry } from '../../domain/ledger.js';
import type { Reporter } from '../../domain/reporter.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import type { Target } from '../target/open-target.js';
import { recordInLedger, recordRefusal } from './append.js';

/** What an entry says about work that was done. */
export type Recorded = Pick<NewLedgerEntry, 'snapshot' | 'rows'> &
  Partial<Pick<NewLedgerEntry, 'details' | 'outcome'>>;

/** The work is done by then; a store that hangs must not hold up the user for long. */
const timeoutMs = 10_000;
const proofFailed = 7;

/**
 * Runs work on a target and records it: what was done, what was refused, and a proof that failed. The store may be
 * out of reach when a restore is needed most, so that is a warning. The work's own signal does not stop the entry.
 */
export async function recorded<T>(
  target: Target,
  action: NewLedgerEntry['action'],
  reporter: Reporter | undefined,
  work: () => Promise<T>,
  describe: (result: T) => Recorded | null,
): Promise<T> {
  const open = () => target.openStore();
  const { server, database } = target;
  const about = { action, target: { server, database } };
  const options = { reporter, timeoutMs };
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await recordRefusal(open, error, { ...about, snapshot: null }, options);
    if (error instanceof BelayError && error.exitCode === proofFailed) {
      const details = { code: error.code, message: error.message };
      const failed = { ...about, snapshot: null, outcome: 'failed' as const, rows: null, details };
      await recordInLedger(open, failed, options);
    }
    throw error;
  }
  const done = describe(result);
  if (done) {
    await recordInLedger(open, { ...about, outcome: 'done', details: {}, ...done }, options);
  }
  return result;
}

/** A snapshot as an entry names it, with its rows. */
export function recordedSnapshot({ id, tag, fingerprint }: Snapshot): Recorded {
  return { snapshot: { id, tag }, rows: fingerprint?.rows ?? null };
}
