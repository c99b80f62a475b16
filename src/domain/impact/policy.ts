import type { Impact, ImpactPlan, StatementImpact } from '../impact.js';
import { plainCount } from './plain-count.js';
import { findRule, type RuleTopic, rules } from './rules.js';

/** Groups of impacts that a policy or a waiver can name instead of single rules. */
export const policyGroups = {
  'data-loss': 'rows or values go, by the count on the live database',
  'would-fail': 'the rows that are there make the statement fail',
  unknown: 'what is lost could not be counted',
  unsafe: 'it cannot be taken back',
  lock: 'others have to wait while rows are read or written',
  rewrite: 'a table is written anew',
  compatibility: 'code that runs now may not work afterwards',
  security: 'who may do what, or what is checked, changes',
} as const;

export type PolicyGroup = keyof typeof policyGroups;

/** What a migration is refused or warned for. Names are those of rules or of {@link policyGroups}. */
export interface ImpactPolicy {
  readonly refuse?: readonly string[] | undefined;
  readonly warn?: readonly string[] | undefined;
  /** So many records in all may be lost before "data-loss" applies; default 0. */
  readonly maxRecordsAtRisk?: number | undefined;
  /** Tables with fewer rows, by the server's statistics, are locked for too short a time to matter. Default 0. */
  readonly ignoreTablesBelowRows?: number | undefined;
}

/** What `belay plan --check` goes by where the config has no policy. */
export const defaultPolicy: ImpactPolicy = {
  refuse: ['data-loss', 'would-fail', 'unknown'],
  warn: ['lock', 'rewrite', 'compatibility', 'security'],
};

export interface PolicyViolation {
  readonly level: 'refuse' | 'warn';
  /** The name in the policy that matched: a rule or a group. */
  readonly because: string;
  readonly rule: string;
  /** Index of the statement, from 1. */
  readonly statement: number;
  readonly file: string;
  readonly line: number;
  /** For people, in a sentence. */
  readonly message: string;
  readonly impact: Impact;
}

/** An impact that a comment in the SQL allows. */
export interface WaivedImpact {
  readonly statement: number;
  readonly file: string;
  readonly line: number;
  readonly rule: string;
  readonly reason: string;
  readonly impact: Impact;
}

export interface PolicyResult {
  /** Nothing is refused. */
  readonly ok: boolean;
  /** What refuses comes first, each in the order of the statements. */
  readonly violations: readonly PolicyViolation[];
  readonly waived: readonly WaivedImpact[];
  /** Waivers that allow nothing, and the like. */
  readonly notes: readonly string[];
}

/** What a policy or a waiver can name. */
export function isPolicyName(name: string): boolean {
  return Object.hasOwn(policyGroups, name) || findRule(name) !== undefined;
}

/** The names that look most like one that is not known, for a hint. */
export function similarPolicyNames(name: string): readonly string[] {
  const words = new Set(name.toLowerCase().split(/[^a-z]+/));
  const shared = (id: string) => id.split('-').filter((word) => words.has(word)).length;
  return [...Object.keys(policyGroups), ...rules.map(({ id }) => id)]
    .map((id) => ({ id, score: shared(id) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.id.length - b.id.length)
    .slice(0, 3)
    .map(({ id }) => id);
}

interface Scale {
  readonly totalAtRisk: number;
  readonly policy: ImpactPolicy;
}

function isSmall({ tableRows }: Impact, { policy }: Scale): boolean {
  const limit = policy.ignoreTablesBelowRows ?? 0;
  return tableRows !== undefined && tableRows !== null && tableRows >= 0 && tableRows < limit;
}

const isLoud = (impact: Impact, topic: RuleTopic): boolean => {
  const rule = findRule(impact.rule);
  return rule?.about === topic && rule.severity !== 'note';
};

const groupTests: Readonly<Record<PolicyGroup, (impact: Impact, scale: Scale) => boolean>> = {
  'data-loss': ({ recordsAtRisk }, { totalAtRisk, policy }) =>
    (recordsAtRisk ?? 0) > 0 && totalAtRisk > (policy.maxRecordsAtRisk ?? 0),
  'would-fail': ({ wouldFail }) => wouldFail === true,
  unknown: ({ measured, safety, recordsAtRisk }) =>
    measured === 'unknown' || (safety !== 'SAFE' && recordsAtRisk === null),
  unsafe: ({ safety }) => safety === 'UNSAFE',
  lock: (impact, scale) => impact.hazard === 'long' && !isSmall(impact, scale),
  rewrite: (impact, scale) => impact.rewrite && !isSmall(impact, scale),
  compatibility: (impact) => isLoud(impact, 'compatibility'),
  security: (impact) => isLoud(impact, 'security'),
};

function matches(name: string, impact: Impact, scale: Scale): boolean {
  if (name === impact.rule) return true;
  return Object.hasOwn(groupTests, name) && groupTests[name as PolicyGroup](impact, scale);
}

/** For waivers: what somebody allows is allowed whatever the limits of the policy. */
const noLimits: Scale = { totalAtRisk: Number.POSITIVE_INFINITY, policy: {} };

function waiverOf({ waivers }: StatementImpact, impact: Impact) {
  return waivers.find(({ rule }) => matches(rule, impact, noLimits));
}

interface Place {
  readonly statement: StatementImpact;
  readonly impact: Impact;
}

const placeOf = ({ statement, impact }: Place) => ({
  ...{ statement: statement.index, file: statement.file, line: statement.line },
  ...{ rule: impact.rule, impact },
});

/** What an impact is, in a sentence. */
export function describeImpactBriefly(impact: Impact): string {
  const { operation, object, wouldFail, recordsAtRisk, rowsAffected, reason } = impact;
  const what = `${operation} ${object}`.trim();
  if (wouldFail) {
    const rows = rowsAffected ? ` on ${plainCount(rowsAffected, 'row')}` : '';
    return `${what} would fail${rows}: ${reason}`;
  }
  if (recordsAtRisk === null && impact.safety !== 'SAFE') {
    return `${what}: what it loses is not known: ${reason}`;
  }
  const atRisk = recordsAtRisk ? `${plainCount(recordsAtRisk, 'record')} at risk: ` : '';
  return `${what}: ${atRisk}${reason}`;
}

/**
 * Says what of a plan a policy refuses or warns of. Each impact is named once: refused where both lists match.
 *
 * @example
 * const { ok, violations } = evaluatePolicy(plan, { refuse: ['drop-table', 'would-fail'] });
 */
export function evaluatePolicy(
  plan: ImpactPlan,
  policy: ImpactPolicy = defaultPolicy,
): PolicyResult {
  const places = plan.statements.flatMap((statement) =>
    statement.impacts.map((impact): Place => ({ statement, impact })),
  );
  const waived = places.flatMap((place) => {
    const waiver = waiverOf(place.statement, place.impact);
    return waiver ? [{ place, reason: waiver.reason }] : [];
  });
  const isWaived = new Set(waived.map(({ place }) => place));
  const counted = places.filter((place) => !isWaived.has(place));
  const totalAtRisk = counted.reduce((sum, { impact }) => sum + (impact.recordsAtRisk ?? 0), 0);
  const violations = counted.flatMap((place) => violationOf(place, { totalAtRisk, policy }));
  const refused = violations.filter(({ level }) => level === 'refuse');
  return {
    ok: refused.length === 0,
    violations: [...refused, ...violations.filter(({ level }) => level === 'warn')],
    waived: waived.map(({ place, reason }) => ({ ...placeOf(place), reason })),
    notes: idleWaivers(plan),
  };
}

interface Located {
  readonly statement: number;
  readonly impact: Impact;
}

/** Whether something that a policy says is about this impact of this statement. */
export const isAbout =
  ({ index }: StatementImpact, impact: Impact) =>
  (one: Located): boolean =>
    one.statement === index && one.impact === impact;

function refusedNames({ refuse = [], warn = [], maxRecordsAtRisk }: ImpactPolicy) {
  // A limit on records means nothing without the group that it limits.
  const isImplied = maxRecordsAtRisk !== undefined && ![...refuse, ...warn].includes('data-loss');
  return isImplied ? [...refuse, 'data-loss'] : refuse;
}

function violationOf(place: Place, scale: Scale): PolicyViolation[] {
  const { impact } = place;
  const lists = [
    { level: 'refuse', names: refusedNames(scale.policy) },
    { level: 'warn', names: scale.policy.warn ?? [] },
  ] as const;
  for (const { level, names } of lists) {
    const because = names.find((name) => matches(name, impact, scale));
    if (because === undefined) continue;
    return [{ level, because, ...placeOf(place), message: describeImpactBriefly(impact) }];
  }
  return [];
}

/** A waiver that allows nothing may be one that nobody needs any more, or one that was meant for something else. */
function idleWaivers({ statements }: ImpactPlan): string[] {
  const used = new Set<string>();
  const all = new Map<string, string>();
  for (const statement of statements) {
    for (const { rule, line, forFile } of statement.waivers) {
      const key = `${statement.file}\0${line}\0${rule}`;
      const what = forFile ? 'belay:allow-file' : 'belay:allow';
      all.set(key, `${statement.file}, line ${line}: ${what} ${rule} allows nothing`);
      if (statement.impacts.some((impact) => matches(rule, impact, noLimits))) used.add(key);
    }
  }
  return [...all].filter(([key]) => !used.has(key)).map(([, note]) => note);
}
