import type { Command } from 'commander';
import type { Rehearsal, RehearsalThresholds, RehearseOptions } from '../../index.js';
import type { CommandContext } from '../context.js';
import { wholeNumber } from './arguments.js';
import { readConfig } from './settings.js';

/** What a rehearsal may do and take, on the command line and in the config. */
export interface RehearsalFlags {
  readonly timeout?: string;
  readonly probe?: string;
  readonly maxRecordsLost?: number;
  readonly maxValuesChanged?: number;
  readonly maxExclusiveLock?: string;
  readonly maxDuration?: string;
}

export function addRehearsalLimits(command: Command): Command {
  return command
    .option('--timeout <duration>', 'how long the migration may take on the copy (no limit)')
    .option('--probe <file>', 'queries of the application, run before and after, and compared')
    .option('--max-records-lost <n>', 'exit with 3 above it', wholeNumber)
    .option('--max-values-changed <n>', 'exit with 3 above it', wholeNumber)
    .option('--max-exclusive-lock <duration>', 'exit with 3 where a table is locked for longer')
    .option('--max-duration <duration>', 'exit with 3 where it takes longer');
}

/** The flags, else what the config says. */
export async function rehearsalLimits(
  context: CommandContext,
  flags: RehearsalFlags,
): Promise<Pick<RehearseOptions, 'timeoutMs' | 'probes' | 'thresholds'>> {
  const { parseDuration } = await import('../../index.js');
  const settings = (await readConfig(context))?.rehearsal ?? {};
  const timeout = flags.timeout ?? settings.timeout;
  return {
    timeoutMs: timeout === undefined ? undefined : parseDuration(timeout),
    probes: flags.probe ?? settings.probes,
    thresholds: thresholdsOf(flags, settings, parseDuration),
  };
}

function thresholdsOf(
  flags: RehearsalFlags,
  settings: RehearsalThresholds,
  parse: (text: string) => number,
): RehearsalThresholds {
  const { maxExclusiveLock, maxDuration } = flags;
  return {
    ...{ maxWalBytes: settings.maxWalBytes, maxProbesBroken: settings.maxProbesBroken },
    maxRecordsLost: flags.maxRecordsLost ?? settings.maxRecordsLost,
    maxValuesChanged: flags.maxValuesChanged ?? settings.maxValuesChanged,
    maxExclusiveLockMs:
      maxExclusiveLock === undefined ? settings.maxExclusiveLockMs : parse(maxExclusiveLock),
    maxDurationMs: maxDuration === undefined ? settings.maxDurationMs : parse(maxDuration),
  };
}

const overThreshold = 3;
const proofFailed = 7;

/** A migration that fails, or that touched the target, is worse than one that goes beyond a threshold. */
export function exitCodeOf({ exitCode, timedOut, untouched }: Rehearsal): number {
  const isFailure = exitCode !== 0 || timedOut || untouched.status === 'touched';
  return isFailure ? proofFailed : overThreshold;
}
