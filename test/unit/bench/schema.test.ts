import { describe, expect, test } from 'vitest';
import { parseOptions, UsageError } from '../../../bench/options.js';
import { schemaBars } from '../../../bench/schema/bars.js';
import type { SchemaResult } from '../../../bench/schema/results.js';
import { renderSchemas } from '../../../bench/schema/tables.js';

const result = (readMs: number, compareMs: number, dumpMs: readonly number[]): SchemaResult => ({
  name: 'PostgreSQL 15.18',
  shapes: [
    {
      ...{ name: '1000 tables', objects: 12_000 },
      measurements: [
        { task: 'read', what: 'read', runs: [readMs, 9999, 1] },
        { task: 'compare equal', what: 'cpu', runs: [compareMs] },
        ...(dumpMs.length > 0 ? [{ task: 'pg_dump' as const, what: 'dump', runs: dumpMs }] : []),
      ],
    },
  ],
});

describe('bars of schemas', () => {
  test('are met by half of the time of pg_dump and less than 100 ms', () => {
    const bars = schemaBars(result(200, 99, [400]));
    expect(bars.map(({ measured, met }) => [measured, met])).toEqual([
      ['0.50 times', true],
      ['99 ms', true],
    ]);
  });

  test('are missed by more', () => {
    expect(schemaBars(result(201, 100, [400])).map(({ met }) => met)).toEqual([false, false]);
  });

  test('say nothing of reading where there is no pg_dump', () => {
    expect(schemaBars(result(200, 50, [])).map(({ bar }) => bar)).toEqual([
      'compare equal: two models of 1000 tables below 100 ms of CPU',
    ]);
  });

  test('are printed with the medians, and beside pg_dump what is timed by the clock', () => {
    const lines = renderSchemas(result(200, 50, [400]));
    expect(lines.find((line) => line.includes('read'))).toMatch(/read\s+200 ms\s+0\.50x\s+read/);
    expect(lines.find((line) => line.includes('cpu'))).toMatch(/50 ms\s+cpu/);
  });

  test('belong to a part of their own', () => {
    const now = new Date('2026-11-20T14:30:05.123Z');
    expect(parseOptions(['schema'], '/project', now).part).toBe('schema');
    expect(() => parseOptions(['schema', '--only', 'plain'], '/project', now)).toThrow(UsageError);
  });
});
