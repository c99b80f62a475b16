import type { Impact, ImpactPlan, PolicyResult, StatementImpact } from '../../index.js';
import { formatCount, plural } from './format.js';
import { lossText, placeText, shortName, wrap } from './impact-texts.js';
import { printable } from './printable.js';
import type { Style } from './style.js';

export interface DescribeImpactOptions {
  /** What is planned: a migration, a file. */
  readonly title: string;
  /** Width of the terminal; default 100. */
  readonly columns?: number | undefined;
  /** What a policy says of it. */
  readonly policy?: PolicyResult | undefined;
  /** Also what harmless statements do. */
  readonly verbose?: boolean | undefined;
}

interface Found {
  readonly statement: StatementImpact;
  readonly impact: Impact;
}

const found = ({ statements }: ImpactPlan): Found[] =>
  statements.flatMap((statement) => statement.impacts.map((impact) => ({ statement, impact })));

const isLoss = ({ impact }: Found): boolean =>
  impact.wouldFail !== true && impact.safety !== 'SAFE' && losesData(impact);

/** What lets bad rows in, or in front of people who should not see them, loses nothing by itself. */
const losesData = ({ recordsAtRisk, operation }: Impact): boolean =>
  recordsAtRisk !== 0 || /^(?:DROP (?:TABLE|COLUMN)|TRUNCATE|DELETE|UPDATE|MERGE)/.test(operation);

const isHazard = ({ impact }: Found): boolean =>
  impact.hazard === 'long' || impact.hazard === 'brief';

/**
 * The destructive part of a plan, as `belay migrate up` shows it before it asks:
 *
 *       Migration impact: 20261120_drop_legacy_auth
 *         DROP COLUMN  users.email  1,234 values at risk
 *         Total: 1,234 records at risk
 */
export function describeLosses(
  style: Style,
  plan: ImpactPlan,
  { title, columns = 100 }: Pick<DescribeImpactOptions, 'title' | 'columns'>,
): string {
  const losses = found(plan).filter(isLoss);
  const rows = losses.map(({ impact }) => ({
    cells: [printable(impact.operation), shortName(impact.object)] as const,
    loss: lossText(impact) + (impact.because ? ` (goes with ${shortName(impact.because)})` : ''),
    paint: impact.recordsAtRisk === 0 ? style.dim : style.yellow,
  }));
  const widths = [0, 1].map((at) =>
    Math.max(0, ...rows.map(({ cells }) => (cells[at] ?? '').length)),
  );
  const [first = 0, second = 0] = widths;
  const isNarrow = rows.some(({ loss }) => 4 + first + 2 + second + 2 + loss.length > columns);
  const lines = rows.flatMap(({ cells: [operation, object], loss, paint }) =>
    isNarrow
      ? [`    ${operation}  ${object}`, `      ${paint(loss)}`]
      : [`    ${operation.padEnd(first)}  ${object.padEnd(second)}  ${paint(loss)}`],
  );
  const heading = style.bold(`  Migration impact: ${printable(title)}`);
  return [heading, ...lines, `    ${totalLine(style, plan, losses)}`].join('\n');
}

function totalLine(style: Style, { totals }: ImpactPlan, losses: readonly Found[]): string {
  const { recordsAtRisk } = totals;
  const isUnknown = losses.some(({ impact }) => impact.recordsAtRisk === null);
  const isEstimated = losses.some(({ impact }) => impact.measured === 'estimate');
  if (recordsAtRisk === 0 && !isUnknown) return style.green('Total: nothing is lost');
  const least = isUnknown ? 'at least ' : isEstimated ? 'about ' : '';
  return style.bold(`Total: ${least}${plural(recordsAtRisk, 'record')} at risk`);
}

/** A whole plan, for people. */
export function describeImpact(
  style: Style,
  plan: ImpactPlan,
  options: DescribeImpactOptions,
): string {
  const columns = Math.max(40, options.columns ?? 100);
  const all = found(plan);
  const parts = [
    describeLosses(style, plan, { title: options.title, columns }),
    section(
      style.red('Would fail'),
      all.filter(({ impact }) => impact.wouldFail === true),
      (one) => failureLines(style, one, columns),
    ),
    section(
      style.yellow('Not known'),
      all.filter(({ impact }) => isUnknown(impact)),
      (one) => reasonLines(style, one, columns),
    ),
    section(
      style.yellow('Others wait'),
      all.filter((one) => isHazard(one) && !one.impact.wouldFail),
      (one) => lockLines(style, one, columns),
    ),
    section(
      style.yellow('Risky'),
      all.filter((one) => isRisky(one)),
      (one) => reasonLines(style, one, columns),
    ),
    harmless(style, plan, options.verbose === true),
    policyLines(style, options.policy, columns),
    plan.notes.flatMap((note) => paragraph(`note: ${printable(note)}`, columns, 2)).join('\n'),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

const isUnknown = (impact: Impact): boolean =>
  impact.wouldFail !== true &&
  (impact.measured === 'unknown' || (impact.safety !== 'SAFE' && impact.recordsAtRisk === null));

/** Not SAFE for another reason than rows that go. */
const isRisky = (one: Found): boolean =>
  one.impact.safety !== 'SAFE' &&
  one.impact.wouldFail !== true &&
  !isLoss(one) &&
  !isUnknown(one.impact);

function section(
  title: string,
  list: readonly Found[],
  linesOf: (one: Found) => readonly string[],
): string {
  return list.length === 0 ? '' : [`  ${title}`, ...list.flatMap(linesOf)].join('\n');
}

function paragraph(text: string, columns: number, indent: number): string[] {
  const space = ' '.repeat(indent);
  return wrap(text, columns - indent).map((line) => `${space}${line}`);
}

function headLine(style: Style, { statement, impact }: Found, more = ''): string {
  const what = `${printable(impact.operation)}  ${shortName(impact.object)}`;
  return `    ${what}${more}  ${style.dim(`(${placeText(statement)})`)}`;
}

function details({ impact }: Found, columns: number): string[] {
  const { samples, saferWay } = impact;
  return [
    ...(samples.length > 0 ? paragraph(samples.map(printable).join(', '), columns, 6) : []),
    ...(saferWay === null ? [] : ['      safer:', ...sqlLines(saferWay)]),
  ];
}

/** SQL is shown as it is: to be copied. */
const sqlLines = (sql: string): string[] =>
  sql.split('\n').map((line) => `        ${printable(line)}`);

function failureLines(style: Style, one: Found, columns: number): string[] {
  const rows = one.impact.rowsAffected;
  const more = rows ? `  ${style.red(`on ${plural(rows, 'row')}`)}` : '';
  return [
    headLine(style, one, more),
    ...paragraph(printable(one.impact.reason), columns, 6),
    ...details(one, columns),
  ];
}

function reasonLines(style: Style, one: Found, columns: number): string[] {
  return [
    headLine(style, one),
    ...paragraph(printable(one.impact.reason), columns, 6),
    ...details(one, columns),
  ];
}

function lockLines(style: Style, one: Found, columns: number): string[] {
  const { lock, rewrite, scan, hazard } = one.impact;
  const why = rewrite ? ', writes every row' : scan ? ', reads every row' : '';
  const how = hazard === 'brief' ? ' for a moment' : '';
  return [
    headLine(style, one, `  ${lock ?? ''}${how}${why}`),
    ...paragraph(printable(one.impact.reason), columns, 6),
    ...details(one, columns),
  ];
}

/** Statements of which nothing was said. */
function harmless(style: Style, { statements }: ImpactPlan, verbose: boolean): string {
  const quiet = statements.filter((statement) =>
    statement.impacts.every((impact) => {
      const one = { statement, impact };
      return impact.safety === 'SAFE' && !impact.wouldFail && !isHazard(one) && !isUnknown(impact);
    }),
  );
  if (quiet.length === 0) return '';
  const others = quiet.length < statements.length ? 'other ' : '';
  const line = style.dim(
    `  ${formatCount(quiet.length)} ${others}${quiet.length === 1 ? 'statement loses' : 'statements lose'} nothing and ${quiet.length === 1 ? 'holds' : 'hold'} nobody up`,
  );
  if (!verbose) return line;
  const listed = quiet.flatMap((statement) =>
    statement.impacts.map((impact) => headLine(style, { statement, impact })),
  );
  return [line, ...listed].join('\n');
}

function policyLines(style: Style, policy: PolicyResult | undefined, columns: number): string {
  if (!policy) return '';
  const { violations, waived, notes } = policy;
  const level = { refuse: style.red('refused'), warn: style.yellow('warning') };
  return [
    ...violations.map(
      (one) =>
        `  ${level[one.level]}  ${printable(one.because)}: ${printable(one.impact.operation)} ${shortName(one.impact.object)}  ${style.dim(`(${placeText(one)})`)}`,
    ),
    ...waived.map(
      (one) =>
        `  ${style.dim('waived')}   ${printable(one.rule)}: ${printable(one.impact.operation)} ${shortName(one.impact.object)}: ${printable(one.reason)}`,
    ),
    ...notes.flatMap((note) => paragraph(`note: ${printable(note)}`, columns, 2)),
  ].join('\n');
}
