import { describe, expect, test } from 'vitest';
import { type ImpactResult, impactBars, renderImpacts } from '../../../bench/impact/suite.js';

const result = (plan: number, backup: number, rollback: number): ImpactResult => ({
  name: 'PostgreSQL 18.1',
  plan: { rows: 5000, columns: 10, runs: 3, select: 1, plan, planWithConversions: 3 },
  backup: { rows: 5000, columns: 10, runs: 3, backup, createTableAs: 1, jsonbRows: 6 },
  rollback: { rows: 5000, columns: 10, runs: 3, rollback, update: 1 },
});

describe('bars of plans, backups and rollbacks', () => {
  test('are met up to their limits', () => {
    const bars = impactBars(result(1.3, 1.5, 2));
    expect(bars.map(({ measured, met }) => [measured, met])).toEqual([
      ['1.30 times', true],
      ['1.50 times', true],
      ['4.00 times', true],
      ['2.00 times', true],
    ]);
  });

  test('are missed beyond them', () => {
    expect(impactBars(result(1.31, 1.51, 2.01)).map(({ met }) => met)).toEqual([
      ...[false, false, false, false],
    ]);
  });

  test('are printed beside what a user would type instead', () => {
    const lines = renderImpacts(result(1.2, 1, 1));
    expect(lines.join('\n')).toMatch(/5000 rows of 10 columns: PostgreSQL 18\.1/);
    expect(lines.find((line) => line.includes('SELECT count'))).toContain('1.00 s');
  });
});
