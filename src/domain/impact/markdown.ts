import { type CodeMention, describeName } from '../codebase/code-name.js';
import type { Impact, ImpactPlan, StatementImpact } from '../impact.js';
import { type ImpactLevel, impactLevel } from './impact-level.js';
import { codeBlock, inlineCode, plainMarkdown } from './markdown-text.js';
import { plainCount } from './plain-count.js';
import { describeImpactBriefly, isAbout, type PolicyResult } from './policy.js';

export interface MarkdownOptions {
  /** What is planned: a migration, a file. */
  readonly title: string;
  readonly policy?: PolicyResult | undefined;
  /** Where the application still names what goes away. */
  readonly codebase?:
    | { readonly mentions: readonly CodeMention[]; readonly notes: readonly string[] }
    | undefined;
  /** Longest text; default 60,000 characters: a comment of GitHub takes 65,536. */
  readonly maxLength?: number | undefined;
}

interface Found {
  readonly statement: StatementImpact;
  readonly impact: Impact;
  readonly level: ImpactLevel;
}

const signs: Readonly<Record<ImpactLevel, string>> = {
  error: '🛑',
  warning: '⚠️',
  note: 'ℹ️',
  none: '✅',
};

const loudness: readonly ImpactLevel[] = ['error', 'warning', 'note', 'none'];

/**
 * A plan as a comment for a pull request, in GitHub's Markdown: what is lost, and folded what there is to know of it. Names, reasons and
 * SQL cannot break out of where they stand, or call anybody.
 *
 * @example
 * toMarkdown(plan, { title: '0007_drop_email', policy: evaluatePolicy(plan) });
 */
export function toMarkdown(
  plan: ImpactPlan,
  { title, policy, codebase, maxLength = 60_000 }: MarkdownOptions,
): string {
  const found = plan.statements.flatMap((statement) =>
    statement.impacts.map((impact): Found => {
      return { statement, impact, level: impactLevel(statement, impact, policy) };
    }),
  );
  const isWaived = ({ statement, impact }: Found) =>
    policy?.waived.some(isAbout(statement, impact)) === true;
  const spoken = found
    .filter((one) => one.level !== 'none' && !isWaived(one))
    .sort((a, b) => loudness.indexOf(a.level) - loudness.indexOf(b.level));
  const head = [heading(plan, title, policy), ...summary(plan, spoken)];
  const tail = [...waivers(policy), ...mentioned(codebase), ...notes(plan, policy)];
  return fitting({ head, details: spoken.map(detail), tail }, maxLength);
}

function heading(plan: ImpactPlan, title: string, policy: PolicyResult | undefined): string {
  const verdict = policy ? (policy.ok ? ': passed' : ': **refused**') : '';
  const sign = policy
    ? policy.ok
      ? signs.none
      : signs.error
    : plan.safety === 'SAFE'
      ? signs.none
      : signs.warning;
  return `### ${sign} Migration impact: ${inlineCode(title)}${verdict}`;
}

const headRow = '| | operation | object | impact | where |\n| --- | --- | --- | --- | --- |';
const mostRows = 100;

function summary({ totals, statements }: ImpactPlan, spoken: readonly Found[]): string[] {
  const total = [
    `**${plainCount(totals.recordsAtRisk, 'record')} at risk**`,
    ...(totals.unknown > 0 ? [`${totals.unknown} not known exactly`] : []),
    ...(totals.wouldFail > 0 ? [`${totals.wouldFail} would fail`] : []),
  ].join(', ');
  const line = `${total}, in ${plainCount(statements.length, 'statement')}.`;
  if (spoken.length === 0) return [line];
  const rows = spoken.slice(0, mostRows).map(row);
  const left = spoken.length - rows.length;
  return [
    line,
    [headRow, ...rows].join('\n'),
    ...(left > 0 ? [`… and ${plainCount(left, 'more impact')}`] : []),
  ];
}

function row({ statement, impact, level }: Found): string {
  const { operation, object, rule } = impact;
  const cells = [
    signs[level],
    plainMarkdown(operation),
    object === '' ? '' : inlineCode(object),
    `${plainMarkdown(effectOf(impact))} (${inlineCode(rule)})`,
    inlineCode(`${statement.file}:${statement.line}`),
  ];
  return `| ${cells.join(' | ')} |`;
}

function effectOf(impact: Impact): string {
  const { wouldFail, rowsAffected, recordsAtRisk, safety, measured, hazard, lock } = impact;
  if (wouldFail) {
    return rowsAffected ? `would fail on ${plainCount(rowsAffected, 'row')}` : 'would fail';
  }
  const about = measured === 'estimate' ? 'about ' : '';
  if ((recordsAtRisk ?? 0) > 0) {
    return `${about}${plainCount(recordsAtRisk ?? 0, 'record')} at risk`;
  }
  if (recordsAtRisk === null && safety !== 'SAFE') return 'loss not known';
  if (hazard === 'long' || hazard === 'brief') {
    return `${lock ?? 'a lock'}${hazard === 'brief' ? ' for a moment' : ': others wait'}`;
  }
  return 'nothing is lost';
}

const mostSqlLength = 1_500;

function detail({ statement, impact, level }: Found): string {
  const { samples, saferWay } = impact;
  const sql = [...statement.sql];
  const shown =
    sql.length > mostSqlLength ? `${sql.slice(0, mostSqlLength).join('')}…` : sql.join('');
  return [
    `${signs[level]} ${plainMarkdown(describeImpactBriefly(impact))}`,
    ...(shown === '' ? [] : [codeBlock(shown, 'sql')]),
    ...(samples.length > 0 ? [`For example: ${samples.map(inlineCode).join(', ')}`] : []),
    ...(saferWay === null ? [] : ['Safer:', codeBlock(saferWay, 'sql')]),
  ].join('\n\n');
}

function waivers(policy: PolicyResult | undefined): string[] {
  if (!policy || policy.waived.length === 0) return [];
  const lines = policy.waived.map(
    ({ rule, reason, file, line, impact }) =>
      `- ${plainMarkdown(impact.operation)} ${inlineCode(impact.object)} (${inlineCode(rule)}, ${inlineCode(`${file}:${line}`)}): ${plainMarkdown(reason)}`,
  );
  return [`Waived:\n\n${lines.join('\n')}`];
}

const mostMentions = 50;

/** Only the surer places: a pull request has readers. */
function mentioned(codebase: MarkdownOptions['codebase']): string[] {
  if (!codebase) return [];
  const sure = codebase.mentions.filter(({ confidence }) => confidence !== 'low');
  if (sure.length === 0)
    return ['The code names nothing of what goes away, as far as it was found.'];
  const lines = sure.slice(0, mostMentions).map(({ file, line, name, what }) => {
    return `- ${inlineCode(`${file}:${line}`)} ${inlineCode(describeName(name))}: ${plainMarkdown(what)}`;
  });
  const left = sure.length - lines.length;
  const more = left > 0 ? [`- … and ${plainCount(left, 'more place')}`] : [];
  return [
    `The code still names what goes away (a hint, no proof):\n\n${[...lines, ...more].join('\n')}`,
  ];
}

function notes(plan: ImpactPlan, policy: PolicyResult | undefined): string[] {
  const all = [...plan.notes, ...(policy?.notes ?? [])];
  if (all.length === 0) return [];
  return [`Notes:\n\n${all.map((note) => `- ${plainMarkdown(note)}`).join('\n')}`];
}

interface Parts {
  readonly head: readonly string[];
  readonly details: readonly string[];
  readonly tail: readonly string[];
}

/** What is too much for one comment goes from its end: details first, then all but the head. */
function fitting({ head, details, tail }: Parts, maxLength: number): string {
  const fold = (list: readonly string[]) => {
    if (list.length === 0) return [];
    const left = details.length - list.length;
    const more = left > 0 ? [`… ${plainCount(left, 'impact')} left out: the text is too long`] : [];
    const inside = [...list, ...more].join('\n\n---\n\n');
    return [`<details>\n<summary>Details and safer ways</summary>\n\n${inside}\n\n</details>`];
  };
  const text = (count: number, end = tail) =>
    `${[...head, ...fold(details.slice(0, count)), ...end].join('\n\n')}\n`;
  for (let count = details.length; count > 0; count = Math.floor(count / 2)) {
    const whole = text(count);
    if (whole.length <= maxLength) return whole;
  }
  return (
    [text(0), text(0, [])].find((one) => one.length <= maxLength) ?? `${head[0]}\n\n${head[1]}\n`
  );
}
