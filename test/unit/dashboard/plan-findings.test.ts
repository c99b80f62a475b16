import { describe, expect, it } from 'vitest';
import {
  findingOf,
  lockWords,
  lossWords,
  verdictOf,
  worstFinding,
} from '../../../dashboard/src/parts/plan-findings.js';
import type { Impact, ImpactPlan } from '../../../src/domain/impact.js';

const impact: Impact = {
  ...{ rule: 'drop-column', operation: 'DROP COLUMN', object: 'public.users.email' },
  ...{ safety: 'DATA_LOSS', rowsAffected: null, valuesAtRisk: 1234, recordsAtRisk: 1234 },
  ...{ measured: 'exact', wouldFail: false, reason: '', lock: 'ACCESS EXCLUSIVE' },
  ...{ rewrite: false, scan: false, because: null, samples: [], saferWay: null, after: [] },
  hazard: 'brief',
};
const harmless: Impact = {
  ...impact,
  ...{ safety: 'SAFE', valuesAtRisk: 0, recordsAtRisk: 0, hazard: 'none', operation: 'ADD COLUMN' },
};

const planOf = (impacts: readonly Impact[], totals: Partial<ImpactPlan['totals']>): ImpactPlan => ({
  statements: impacts.map((one, index) => ({
    ...{ index: index + 1, line: 1, file: 'a.sql', sql: 'SELECT 1', kind: 'SelectStmt' },
    ...{ transactional: true, impacts: [one], safety: one.safety, waivers: [] },
  })),
  totals: {
    ...{ statements: impacts.length, recordsAtRisk: 0, rowsAffected: 0, valuesAtRisk: 0 },
    ...{ unknown: 0, wouldFail: 0, ...totals },
  },
  ...{ safety: 'SAFE', notes: [], measuredAt: '2026-11-20T10:00:00.000Z' },
});

describe('findings of a plan', () => {
  it.each([
    ['loss', {}],
    ['fails', { wouldFail: true }],
    ['unknown', { recordsAtRisk: null }],
    ['unknown', { measured: 'unknown' }],
    ['loss', { recordsAtRisk: 0, valuesAtRisk: 0 }],
    ['risky', { operation: 'DISABLE TRIGGER', recordsAtRisk: 0 }],
    ['waits', { safety: 'SAFE', recordsAtRisk: 0, hazard: 'long' }],
    ['briefly', { safety: 'SAFE', recordsAtRisk: 0 }],
    ['harmless', { safety: 'SAFE', recordsAtRisk: 0, hazard: 'none' }],
  ] as const)('%s: %j', (finding, changed) => {
    expect(findingOf({ ...impact, ...changed })).toBe(finding);
  });

  it('takes the worst of a statement', () => {
    expect(worstFinding({ impacts: [harmless, impact] })).toBe('loss');
    expect(worstFinding({ impacts: [impact, { ...impact, wouldFail: true }] })).toBe('fails');
    expect(worstFinding({ impacts: [] })).toBe('harmless');
  });

  it('says how much', () => {
    expect(lossWords(impact)).toBe('1,234 values at risk');
    expect(lossWords({ ...impact, measured: 'estimate', rowsAffected: 1, valuesAtRisk: 0 })).toBe(
      'about 1 row affected',
    );
    expect(lossWords({ ...impact, recordsAtRisk: null })).toBe('not known how much');
    expect(lossWords(harmless)).toBeNull();
  });

  it('names the lock that others feel', () => {
    expect(lockWords(impact)).toBe('ACCESS EXCLUSIVE for a moment');
    expect(lockWords({ ...impact, hazard: 'long', rewrite: true })).toBe(
      'ACCESS EXCLUSIVE, writes every row',
    );
    expect(lockWords(harmless)).toBeNull();
  });

  it('begins with what matters most', () => {
    expect(verdictOf(planOf([harmless], {})).tone).toBe('good');
    expect(verdictOf(planOf([impact], { recordsAtRisk: 1234 }))).toEqual({
      tone: 'bad',
      text: '1,234 records would be lost.',
    });
    expect(verdictOf(planOf([impact], { recordsAtRisk: 1234, unknown: 1 })).text).toBe(
      'At least 1,234 records would be lost.',
    );
    expect(verdictOf(planOf([impact], { wouldFail: 2, recordsAtRisk: 9 })).text).toBe(
      'It would fail: 2 problems.',
    );
  });
});
