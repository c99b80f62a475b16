import type { Impact, ImpactPlan, StatementImpact } from '../../../src/domain/impact.js';
import { formatCount, plural } from '../format.js';

/**
 * What an impact is, before anything else: each is said once, under the first that fits.
 * "loss": rows or values go. "fails": it fails on the rows that are there. "waits": others wait for long.
 */
export type Finding = 'loss' | 'fails' | 'unknown' | 'risky' | 'waits' | 'briefly' | 'harmless';

/** The words of a finding, for badges. */
export const findingWords: Readonly<Record<Finding, string>> = {
  loss: 'loses data',
  fails: 'would fail',
  unknown: 'not known',
  risky: 'risky',
  waits: 'others wait',
  briefly: 'locks for a moment',
  harmless: 'harmless',
};

/** Worst first. */
const order: readonly Finding[] = [
  ...(['fails', 'loss', 'unknown', 'risky', 'waits', 'briefly', 'harmless'] as const),
];

/** What lets bad rows in, or in front of people who should not see them, loses nothing by itself. */
const losesData = ({ recordsAtRisk, operation }: Impact): boolean =>
  recordsAtRisk !== 0 || /^(?:DROP (?:TABLE|COLUMN)|TRUNCATE|DELETE|UPDATE|MERGE)/.test(operation);

export function findingOf(impact: Impact): Finding {
  const { wouldFail, measured, safety, recordsAtRisk, hazard } = impact;
  if (wouldFail === true) return 'fails';
  if (measured === 'unknown' || (safety !== 'SAFE' && recordsAtRisk === null)) return 'unknown';
  if (safety !== 'SAFE') return losesData(impact) ? 'loss' : 'risky';
  if (hazard === 'long') return 'waits';
  return hazard === 'brief' ? 'briefly' : 'harmless';
}

/** The worst that one can say of a statement. */
export function worstFinding({ impacts }: Pick<StatementImpact, 'impacts'>): Finding {
  const found = new Set(impacts.map(findingOf));
  return order.find((finding) => found.has(finding)) ?? 'harmless';
}

/** How much of what is there a statement takes away or changes; null where it takes nothing. */
export function lossWords(impact: Impact): string | null {
  const { rowsAffected, valuesAtRisk, recordsAtRisk, measured } = impact;
  if (recordsAtRisk === null) return 'not known how much';
  const about = measured === 'estimate' ? 'about ' : '';
  const [rows, values] = [rowsAffected ?? 0, valuesAtRisk ?? 0];
  const parts = [
    ...(rows > 0 ? [`${about}${plural(rows, 'row')} affected`] : []),
    ...(values > 0 ? [`${about}${plural(values, 'value')} at risk`] : []),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}

/** The lock that others feel, in words; null where nobody feels one. */
export function lockWords({ lock, rewrite, scan, hazard }: Impact): string | null {
  if (lock === null || hazard === undefined || hazard === 'none') return null;
  const work = rewrite ? ', writes every row' : scan ? ', reads every row' : '';
  return `${lock}${hazard === 'brief' ? ' for a moment' : ''}${work}`;
}

/** A plan in one sentence: what it is first of all. */
export function verdictOf({ totals, statements }: ImpactPlan): {
  readonly tone: 'good' | 'warn' | 'bad';
  readonly text: string;
} {
  const found = statements.map(worstFinding);
  const has = (finding: Finding) => found.includes(finding);
  if (totals.wouldFail > 0) {
    return { tone: 'bad', text: `It would fail: ${plural(totals.wouldFail, 'problem')}.` };
  }
  if (totals.recordsAtRisk > 0) {
    const least = totals.unknown > 0 ? 'at least ' : '';
    const text = `${least}${plural(totals.recordsAtRisk, 'record')} would be lost.`;
    return { tone: 'bad', text: text.charAt(0).toUpperCase() + text.slice(1) };
  }
  if (has('unknown')) return { tone: 'warn', text: 'What it would lose is not known in full.' };
  if (has('loss')) return { tone: 'warn', text: 'It removes things; no row is in them now.' };
  if (has('risky')) return { tone: 'warn', text: 'Nothing is lost, but it is risky.' };
  if (has('waits')) return { tone: 'warn', text: 'Nothing is lost, but others would wait.' };
  const all =
    statements.length === 1 ? 'The statement' : `All ${formatCount(statements.length)} statements`;
  const lose = statements.length === 1 ? 'loses' : 'lose';
  return { tone: 'good', text: `${all} ${lose} nothing.` };
}
