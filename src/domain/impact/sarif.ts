import type { Impact, ImpactPlan, StatementImpact } from '../impact.js';
import { type ImpactLevel, impactLevel } from './impact-level.js';
import { describeImpactBriefly, isAbout, type PolicyResult } from './policy.js';
import { findRule } from './rules.js';

export interface SarifOptions {
  readonly policy?: PolicyResult | undefined;
  /** Belay's own. */
  readonly version?: string | undefined;
}

/** As much of the format as Belay writes. */
export interface SarifLog {
  readonly $schema: string;
  readonly version: '2.1.0';
  readonly runs: readonly SarifRun[];
}

interface SarifText {
  readonly text: string;
}

interface SarifRun {
  readonly tool: { readonly driver: SarifDriver };
  readonly columnKind: 'unicodeCodePoints';
  readonly invocations: readonly [
    {
      readonly executionSuccessful: boolean;
      readonly toolExecutionNotifications: readonly SarifNotification[];
    },
  ];
  readonly results: readonly SarifResult[];
}

interface SarifNotification {
  readonly level: 'note';
  readonly message: SarifText;
}

interface SarifDriver {
  readonly name: 'Belay';
  readonly version?: string;
  readonly rules: readonly SarifRule[];
}

interface SarifRule {
  readonly id: string;
  readonly shortDescription: SarifText;
  readonly defaultConfiguration: { readonly level: string };
  readonly properties: { readonly tags: readonly string[] };
}

interface SarifResult {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: SarifText;
  readonly locations: readonly [{ readonly physicalLocation: SarifLocation }];
  readonly suppressions?: readonly { readonly kind: 'inSource'; readonly justification: string }[];
  readonly properties: Readonly<Record<string, unknown>>;
}

interface SarifLocation {
  readonly artifactLocation: { readonly uri: string; readonly uriBaseId?: string };
  readonly region: SarifRegion;
}

interface SarifRegion {
  readonly startLine: number;
  readonly startColumn?: number;
  readonly endLine: number;
  readonly endColumn?: number;
}

interface Found {
  readonly statement: StatementImpact;
  readonly impact: Impact;
  readonly level: Exclude<ImpactLevel, 'none'>;
}

/**
 * A plan in SARIF 2.1.0, as code scanning takes it. Impacts that are not worth a word are left out; waived ones are there as
 * suppressed.
 *
 * @example
 * await writeFile('belay.sarif', JSON.stringify(toSarif(plan, { policy: evaluatePolicy(plan) })));
 */
export function toSarif(plan: ImpactPlan, { policy, version }: SarifOptions = {}): SarifLog {
  const found = plan.statements.flatMap((statement) =>
    statement.impacts.flatMap((impact): Found[] => {
      const level = impactLevel(statement, impact, policy);
      return level === 'none' ? [] : [{ statement, impact, level }];
    }),
  );
  const ids = [...new Set(found.map(({ impact }) => impact.rule))];
  const notes = [...plan.notes, ...(policy?.notes ?? [])];
  const notify = (text: string): SarifNotification => ({ level: 'note', message: { text } });
  const invocation = {
    executionSuccessful: true,
    toolExecutionNotifications: notes.map(notify),
  };
  const driver = {
    name: 'Belay',
    ...(version ? { version } : {}),
    rules: ids.map(toRule),
  } as const;
  const run: SarifRun = {
    ...{ tool: { driver }, columnKind: 'unicodeCodePoints', invocations: [invocation] },
    results: found.map((one) => toResult(one, ids, policy)),
  };
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [run],
  };
}

function toRule(id: string): SarifRule {
  const rule = findRule(id);
  return {
    ...{ id, shortDescription: { text: rule?.title ?? id } },
    defaultConfiguration: { level: rule?.severity ?? 'warning' },
    properties: { tags: rule ? [rule.about] : [] },
  };
}

function toResult(
  { statement, impact, level }: Found,
  ids: readonly string[],
  policy: PolicyResult | undefined,
): SarifResult {
  const waived = policy?.waived.find(isAbout(statement, impact));
  const { rule, operation, object, safety, rowsAffected, valuesAtRisk, recordsAtRisk } = impact;
  return {
    ...{ ruleId: rule, ruleIndex: ids.indexOf(rule), level, message: { text: textOf(impact) } },
    locations: [{ physicalLocation: locationOf(statement) }],
    ...(waived ? { suppressions: [{ kind: 'inSource', justification: waived.reason }] } : {}),
    properties: {
      ...{ operation, object, safety, rowsAffected, valuesAtRisk, recordsAtRisk },
      ...{ measured: impact.measured, wouldFail: impact.wouldFail, lock: impact.lock },
    },
  };
}

function textOf(impact: Impact): string {
  const { samples, saferWay } = impact;
  return [
    describeImpactBriefly(impact),
    ...(samples.length > 0 ? [`For example: ${samples.join(', ')}`] : []),
    ...(saferWay === null ? [] : [`Safer: ${saferWay}`]),
  ].join('\n');
}

function locationOf({ file, line, column, sql }: StatementImpact): SarifLocation {
  const lines = sql.split('\n');
  const last = [...(lines.at(-1) ?? '')].length;
  const endLine = line + lines.length - 1;
  // The end of a region is the column after its last character.
  const endColumn = (lines.length === 1 ? (column ?? 1) : 1) + last;
  const region = {
    ...{ startLine: line, ...(column === undefined ? {} : { startColumn: column }), endLine },
    ...(column === undefined ? {} : { endColumn }),
  };
  return { artifactLocation: artifactOf(file), region };
}

/** A name relative to the project, or a whole `file:` URI. What is no file gets a name like one. */
function artifactOf(file: string): SarifLocation['artifactLocation'] {
  const encoded = (path: string) => path.split('/').map(encodeURIComponent).join('/');
  if (file.startsWith('<')) return { uri: encoded(file.replace(/[<>]/g, '')) };
  if (file.startsWith('/')) return { uri: `file://${encoded(file)}` };
  const [, drive, rest] = /^([A-Za-z]):[\\/](.*)$/s.exec(file) ?? [];
  if (drive !== undefined) {
    return { uri: `file:///${drive}:/${encoded((rest ?? '').replaceAll('\\', '/'))}` };
  }
  return { uri: encoded(file), uriBaseId: '%SRCROOT%' };
}
