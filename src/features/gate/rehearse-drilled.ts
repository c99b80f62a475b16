import type { Rehearsal } from '../../domain/rehearsal.js';
import { silentReporter } from '../../domain/reporter.js';
import { readProperties } from '../../postgres/properties.js';
import {
  type CheckpointOptions,
  type CheckpointResult,
  takeCheckpoint,
} from '../archive/checkpoint.js';
import type { KeptDrill } from '../archive/drill-snapshot.js';
import { recorded } from '../ledger/recorded.js';
import {
  prepareRehearsal,
  type RehearseOptions,
  recordedRehearsal,
} from '../rehearsal/rehearse.js';
import { onDrilledCopy } from '../rehearsal/sources.js';
import type { Target } from '../target/open-target.js';
import { readTimeline, requireLive } from '../target/timeline.js';

export interface RehearsedCheckpoint {
  readonly checkpoint: CheckpointResult;
  /** Null where the checkpoint is not proven: nothing was there to rehearse on. */
  readonly rehearsal: Rehearsal | null;
}

/**
 * Makes a checkpoint and rehearses on the copy that its drill has restored anyway, before that is thrown away.
 * @throws BelayError as `takeCheckpoint` and `rehearseMigration`
 */
export async function takeRehearsedCheckpoint(
  target: Target,
  options: CheckpointOptions,
  rehearsing: RehearseOptions,
): Promise<RehearsedCheckpoint> {
  const { signal, reporter = silentReporter } = options;
  const rehearse = await prepareRehearsal(target, rehearsing);
  const timeline = await readTimeline(target.main, target.database);
  const { oid } = requireLive(timeline, target.database);
  const properties = await readProperties(target.main, oid);
  let rehearsal: Rehearsal | null = null;
  const useDrilledCopy = async (copy: KeptDrill, { snapshot }: CheckpointResult) => {
    const how = { startedAt: performance.now(), why: null, signal, reporter };
    const work = () => onDrilledCopy(copy, { snapshot, properties }, how, rehearse);
    rehearsal = await recorded(target, 'rehearsal', reporter, work, recordedRehearsal);
  };
  const checkpoint = await takeCheckpoint(target, { ...options, useDrilledCopy });
  return { checkpoint, rehearsal };
}
