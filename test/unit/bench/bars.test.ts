import { describe, expect, test } from 'vitest';
import { serverBars, startUpBars } from '../../../bench/bars.js';
import { longestGap } from '../../../bench/prober.js';
import {
  type Contender,
  type Measurement,
  median,
  medianOutageMs,
  type Operation,
  type ServerResult,
  type SizeResult,
} from '../../../bench/results.js';

function measured(
  operation: Operation,
  contender: Contender,
  totalMs: number,
  outageMs: number | null = null,
): Measurement {
  const runs = [{ totalMs, outageMs }];
  return { operation, contender, what: '', caches: 'warm', runs };
}

function sized(sizeBytes: number, method: string, ...measurements: Measurement[]): SizeResult {
  return { sizeBytes, rows: 1, method, measurements };
}

function server(...sizes: SizeResult[]): ServerResult {
  const facts = { fileSystem: 'xfs', postgresVersion: '18.4', settings: {}, notMeasured: [] };
  return { name: 'xfs, PostgreSQL 18.4', idleGapMs: 6, sizes, ...facts };
}

const verdicts = (result: ServerResult) => serverBars(result).map(({ bar, met }) => [bar, met]);

describe('bars with reflink', () => {
  const small = sized(0.75e9, 'reflink', measured('switch', 'belay', 400, 50));

  test('are met by a fast switch that hardly grows', () => {
    const large = sized(
      3e9,
      'reflink',
      measured('switch', 'belay', 500, 250),
      measured('restore', 'createdb -T', 10_000, 10_000),
    );
    expect(serverBars(server(small, large)).map(({ measured, met }) => [measured, met])).toEqual([
      ['250 ms', true],
      ['20 times', true],
      ['1.25 times for a size 4.0 times as large', true],
    ]);
  });

  test('are missed by a hair', () => {
    const large = sized(
      3e9,
      'reflink',
      measured('switch', 'belay', 600, 250.1),
      measured('restore', 'createdb -T', 11_999, 11_999),
    );
    expect(serverBars(server(small, large)).map(({ met }) => met)).toEqual([false, false, false]);
  });

  test('say nothing about growth where only one size was measured', () => {
    const bars = verdicts(server(sized(3e9, 'reflink', measured('switch', 'belay', 500, 20))));
    expect(bars).toEqual([['outage of switch at most 250 ms', true]]);
  });
});

test('without reflink a snapshot is held against cp, and the switch only by its outage', () => {
  const large = sized(
    3e9,
    'file_copy',
    measured('snapshot', 'belay', 1301, 1200),
    measured('snapshot', 'cp', 1000),
    measured('restore', 'createdb -T', 10),
    measured('switch', 'belay', 9999, 100),
  );
  expect(verdicts(server(large))).toEqual([
    ['outage of switch at most 250 ms', true],
    ['snapshot without reflink within 1.3 times of cp', false],
  ]);
});

test('the start-up of a command is held against Node.js itself; what was not measured is no bar', () => {
  const bars = startUpBars([
    { command: 'belay --version', medianMs: 190, nodeMs: 40, runsMs: [] },
    { command: 'belay list', medianMs: null, nodeMs: null, why: 'not built', runsMs: [] },
  ]);
  expect(bars.map(({ met, measured }) => [met, measured])).toEqual([
    [true, "190 ms, 150 ms more than node's 40 ms"],
  ]);
});

describe('numbers', () => {
  test('the median is the middle, or the mean of the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 6])).toBe(5.5);
    expect(() => median([])).toThrow(RangeError);
  });

  test('an outage that nobody watched is none', () => {
    expect(medianOutageMs(measured('snapshot', 'cp', 10))).toBeNull();
    expect(medianOutageMs(measured('snapshot', 'belay', 10, 0))).toBe(0);
  });

  test('a gap is between neighbours', () => {
    expect(longestGap([0, 5, 105, 110])).toBe(100);
    expect(longestGap([7])).toBe(0);
  });
});
