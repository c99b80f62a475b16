import type { Bar } from '../bars.js';
import { type CheckpointResult, findCheckpoint, medianMs, peakMemory } from './results.js';

/** The bars are set for this size; a run at another size says so. */
export const checkpointBarSizeBytes = 1e9;

const drilledLimit = 0.8;
const sealedLimit = 1.1;
const memoryLimitBytes = 300e6;

const times = (ratio: number) => `${ratio.toFixed(2)} times`;

function ratioBar(
  result: CheckpointResult,
  limit: number,
  bar: string,
  [ours, theirs]: readonly [
    readonly [name: string, variant: string],
    readonly [name: string, variant: string],
  ],
): Bar[] {
  const belay = findCheckpoint(result, ...ours);
  const instead = findCheckpoint(result, ...theirs);
  if (!belay || !instead) return [];
  const ratio = medianMs(belay) / medianMs(instead);
  return [{ bar, where: result.name, measured: times(ratio), met: ratio <= limit }];
}

function memoryBar(result: CheckpointResult): Bar[] {
  const peaks = result.measurements.map((one) => peakMemory(one).belay ?? 0);
  const most = Math.max(0, ...peaks);
  if (most === 0) return [];
  return [
    {
      bar: `memory of Belay below ${memoryLimitBytes / 1e6} MB`,
      where: result.name,
      measured: `${Math.round(most / 1e6)} MB at the most, of all commands`,
      met: most < memoryLimitBytes,
    },
  ];
}

/** What Belay promises about the speed of checkpoints. */
export function checkpointBars(result: CheckpointResult): Bar[] {
  return [
    ...['folder', 'S3'].flatMap((place) =>
      ratioBar(
        result,
        drilledLimit,
        `checkpoint into ${place} at most ${drilledLimit} times pg_dump -Fc, upload and pg_restore -j2`,
        [
          ['checkpoint', place],
          ['pg_dump, upload, pg_restore', place],
        ],
      ),
    ),
    ...['folder', 'S3'].flatMap((place) =>
      ratioBar(
        result,
        sealedLimit,
        `sealing alone into ${place} at most ${sealedLimit} times pg_dump -Fc -Z1`,
        [
          ['checkpoint --no-drill', place],
          ['pg_dump -Z1', place],
        ],
      ),
    ),
    ...memoryBar(result),
  ];
}
