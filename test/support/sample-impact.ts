import { impactPlan } from '../../src/domain/impact/impact-of.js';
import type { Impact, ImpactPlan, Waiver } from '../../src/domain/impact.js';
import { worstSafety } from '../../src/domain/safety.js';

/** An impact that does nothing, but for what is said. */
export function sampleImpact(facts: Partial<Impact> = {}): Impact {
  return {
    ...{ rule: 'table-setting', operation: 'ALTER TABLE', object: 'public.t', safety: 'SAFE' },
    ...{ rowsAffected: 0, valuesAtRisk: 0, recordsAtRisk: 0, measured: 'exact' },
    ...{ wouldFail: null, reason: 'a reason', lock: null, rewrite: false, scan: false },
    ...{ because: null, samples: [], saferWay: null, after: [] },
    ...facts,
  };
}

/** A plan of statements with these impacts, each on a line of its own: 10, 20, … */
export function samplePlan(
  impacts: readonly (readonly Impact[])[],
  waivers: Readonly<Record<number, readonly Waiver[]>> = {},
  { notes = [] as readonly string[], file = 'up.sql' } = {},
): ImpactPlan {
  const statements = impacts.map((list, i) => ({
    ...{ index: i + 1, line: (i + 1) * 10, file, sql: `SELECT ${i + 1}`, kind: 'SelectStmt' },
    ...{ transactional: true, impacts: list, waivers: waivers[i + 1] ?? [] },
    safety: worstSafety(list.map(({ safety }) => safety)),
  }));
  return impactPlan(statements, { notes, measuredAt: '2026-11-20T14:30:00.000Z' });
}
