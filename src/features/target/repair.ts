import { ensureCounted } from '../snapshot/count-previous.js';
import { describeLeftover, type FoundLeftover } from './leftovers.js';
import type { Target } from './open-target.js';
import { underLock, type Work, type WorkOptions } from './work.js';

export interface RepairResult {
  readonly ok: true;
  readonly found: readonly FoundLeftover[];
  readonly cleaned: readonly FoundLeftover[];
}

/**
 * Finds and cleans what an interrupted run left of a target: half-made copies, interrupted deletions, snapshots left
 * open, snapshots whose rows were not counted. Every command that changes something does the first three as well.
 *
 * @example
 * const { cleaned } = await repairTarget(target);
 * @throws BelayError LOCKED
 */
export async function repairTarget(
  target: Target,
  options: WorkOptions = {},
): Promise<RepairResult> {
  return underLock(target, options, async (work) => {
    const counted = await countUncounted(work);
    const cleaned = [...work.cleaned, ...counted];
    return { ok: true, found: cleaned, cleaned };
  });
}

async function countUncounted(work: Work): Promise<FoundLeftover[]> {
  const uncounted = work.timeline.leftovers.filter((leftover) => leftover.kind === 'not-counted');
  for (const { database, record } of uncounted) await ensureCounted(work, { database, record });
  return uncounted.map(describeLeftover);
}
