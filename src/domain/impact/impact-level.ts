import type { Impact, StatementImpact } from '../impact.js';
import { isAbout, type PolicyResult } from './policy.js';
import { findRule } from './rules.js';

/** How loud an impact is said, in the words of SARIF; "none": it is not worth a word. */
export type ImpactLevel = 'error' | 'warning' | 'note' | 'none';

/** What is measured counts for more than what a rule fears: a table without rows is dropped without a loss. */
function measuredLevel(impact: Impact): ImpactLevel {
  const { wouldFail, recordsAtRisk, measured, safety, hazard } = impact;
  if (wouldFail === true || (recordsAtRisk ?? 0) > 0) return 'error';
  if (measured === 'unknown' || (safety !== 'SAFE' && recordsAtRisk === null)) return 'warning';
  if (safety !== 'SAFE' || hazard === 'long') return 'warning';
  const severity = findRule(impact.rule)?.severity ?? 'warning';
  if (severity === 'note') return hazard === 'brief' ? 'note' : 'none';
  return 'note';
}

/** By what a policy says, where there is one: what refuses is an error, what warns a warning, all else is at most a note. */
export function impactLevel(
  statement: StatementImpact,
  impact: Impact,
  policy: PolicyResult | undefined,
): ImpactLevel {
  const measured = measuredLevel(impact);
  if (!policy) return measured;
  const violation = policy.violations.find(isAbout(statement, impact));
  if (violation) return violation.level === 'refuse' ? 'error' : 'warning';
  return measured === 'none' ? 'none' : 'note';
}
