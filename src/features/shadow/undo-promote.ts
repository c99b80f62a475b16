import type { CountedWrites } from '../../domain/record.js';
import { cloneOf } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import { readCountedWrites, writtenBetween } from '../../postgres/counted-writes.js';
import { findLastRollback } from '../rollback/last-rollback.js';
import { readingClone } from '../snapshot/read-clone.js';
import type { RestoreResult } from '../snapshot/restore.js';
import { type UndoOptions, undoCandidate, undoRestore } from '../snapshot/undo.js';
import type { Target } from '../target/open-target.js';
import { type Clone, readTimeline } from '../target/timeline.js';

/** What an undo of a promote did; `previous` is the promoted database, kept as a snapshot. */
export interface UndonePromote extends RestoreResult {
  /**
   * Rows that were written to the promoted database since the promote: they are in `previous`, and not in the database that came
   * back. Null: not known (PostgreSQL 14, or the statistics were lost or reset).
   */
  readonly writtenSince: Omit<CountedWrites, 'since'> | null;
}

/**
 * Takes the last promote back: the database that was replaced gets its name back, with the rows that it had then. The promoted
 * one is kept as a snapshot, with whatever was written to it since.
 *
 * @example
 * const { writtenSince, previous } = await undoPromote(target);
 * @throws BelayError NOTHING_TO_UNDO where the last thing done was no promote; and as `undoRestore`
 */
export async function undoPromote(
  target: Target,
  options: UndoOptions = {},
): Promise<UndonePromote> {
  const promoted = await requirePromoted(target);
  const undone = await undoRestore(target, options);
  const writtenSince = await readWrittenSince(target, undone, promoted);
  options.reporter?.({ type: 'note', message: describeWritten(undone, writtenSince) });
  return { ...undone, writtenSince };
}

/** The database that the last promote has replaced. @throws BelayError NOTHING_TO_UNDO */
async function requirePromoted(target: Target): Promise<Clone> {
  const { database, main } = target;
  const timeline = await readTimeline(main, database);
  const found = undoCandidate(timeline);
  const { replacedBy } = found?.record ?? {};
  if (found && replacedBy?.action === 'promote') {
    const rollback = await findLastRollback(target, undefined);
    if (!rollback || Date.parse(rollback.at) <= Date.parse(replacedBy.at)) return found;
  }
  const last = replacedBy ? `the last thing done to it was a ${replacedBy.action}` : '';
  const what = replacedBy?.action === 'promote' ? 'it was rolled back since' : last;
  throw new BelayError(
    'NOTHING_TO_UNDO',
    `"${database}" has no promote to undo${what === '' ? '' : `: ${what}`}`,
    { hint: '`belay undo` takes back whatever was done last, `belay list` shows what is kept.' },
  );
}

/** Counted in the promoted database, which nobody can write to any more: so it is exact. */
async function readWrittenSince(
  target: Target,
  { previous }: RestoreResult,
  promoted: Clone,
): Promise<UndonePromote['writtenSince']> {
  const copy = previous && cloneOf(previous);
  const counted = promoted.record.replacedBy?.counted;
  if (!copy || !counted) return null;
  try {
    const work = { main: target.main, target };
    const now = await readingClone(work, copy.database, async (open) =>
      readCountedWrites(await open()),
    );
    return writtenBetween(counted, now);
  } catch {
    // The undo is done; this is only what is told of it.
    return null;
  }
}

function describeWritten({ previous }: RestoreResult, written: UndonePromote['writtenSince']) {
  const kept = previous ? `; they are kept in "${previous.tag}"` : '';
  if (!written) return `how many rows were written since the promote is not known${kept}`;
  const { inserted, updated, deleted } = written;
  return `since the promote ${inserted} rows were inserted, ${updated} updated and ${deleted} deleted${kept}`;
}
