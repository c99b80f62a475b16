import { describe, expect, test } from 'vitest';
import { checkpointBars } from '../../../bench/checkpoints/bars.js';
import { stepsOf } from '../../../bench/checkpoints/belay.js';
import type {
  CheckpointMeasurement,
  CheckpointResult,
  PeakMemory,
} from '../../../bench/checkpoints/results.js';

function measured(name: string, totalMs: number, belayBytes?: number): CheckpointMeasurement {
  const peakBytes: PeakMemory =
    belayBytes === undefined ? {} : { belay: belayBytes, postgres: 900e6 };
  return { name, variant: 'folder', what: '', runs: [{ totalMs, busyShare: 1, peakBytes }] };
}

function result(...measurements: CheckpointMeasurement[]): CheckpointResult {
  return { name: 'ext4, PostgreSQL 15.18', sizeBytes: 1e9, rows: 1, settings: {}, measurements };
}

const verdicts = (drilledMs: number, sealedMs: number, belayBytes: number) =>
  checkpointBars(
    result(
      measured('checkpoint', drilledMs, belayBytes),
      measured('pg_dump, upload, pg_restore', 10_000),
      measured('pg_dump -Z1, upload, pg_restore', 1_000),
      measured('checkpoint --no-drill', sealedMs),
      measured('pg_dump -Z1', 10_000),
    ),
  ).map(({ met }) => met);

describe('bars of checkpoints', () => {
  test('are met up to their limits', () => {
    expect(verdicts(8_000, 11_000, 299e6)).toEqual([true, true, true]);
  });

  test('are missed by a hair', () => {
    expect(verdicts(8_001, 11_001, 300e6)).toEqual([false, false, false]);
  });

  test('say nothing about what was not measured', () => {
    expect(checkpointBars(result(measured('checkpoint', 1)))).toEqual([]);
  });
});

test('steps are read from what a command prints', () => {
  const stderr = `starting a throwaway server 15.18 …
starting a throwaway server: 925 ms
build indexes and constraints: 9.0 s
archive and drill: 1 min 8 s
warning: the drill sorts text by code point: 3 s
`;
  expect(stepsOf(stderr)).toEqual({
    'starting a throwaway server': 925,
    'build indexes and constraints': 9000,
    'archive and drill': 68_000,
  });
});
