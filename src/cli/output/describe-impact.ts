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
  /** Nothing of what is only felt for a moment, or not at all: above a question about what is lost. */
  readonly brief?: boolean | undefined;
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

function asidesOf({ because, after }: Impact): string[] {
  const which = `${after.length === 1 ? 'statement' : 'statements'} ${after.join(', ')}`;
  return [
    ...(because ? [`(goes with ${shortName(because)})`] : []),
    ...(after.length > 0 ? [`(as it is now: ${which} may change that)`] : []),
  ];
}

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
    loss: [lossText(impact), ...asidesOf(impact)].join(' '),
    paint: impact.recordsAtRisk === 0 ? style.dim : style.yellow,
  }));
  const widths = [0, 1].map((at) =>
    Math.max(0, ...rows.map(({ cells }) => (cells[at] ?? '').length)),
  );
  const [first = 0, second = 0] = widths;
  const lines = rows.flatMap(({ cells: [operation, object], loss, paint }) => {
    const isWide = 4 + first + 2 + second + 2 + loss.length > columns;
    return isWide
      ? [`    ${operation}  ${object}`, ...paragraph(loss, columns, 6).map(paint)]
      : [`    ${operation.padEnd(first)}  ${object.padEnd(second)}  ${paint(loss)}`];
  });
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

/** What is said of an impact beside what it loses: each is said once, under the first that fits. */
type Concern = 'fails' | 'unknown' | 'risky' | 'waits' | 'briefly' | 'none';

function concernOf(one: Found): Concern {
  const { wouldFail, measured, safety, recordsAtRisk, hazard } = one.impact;
  if (wouldFail === true) return 'fails';
  if (measured === 'unknown' || (safety !== 'SAFE' && recordsAtRisk === null)) return 'unknown';
  // Not SAFE for another reason than rows that go.
  if (safety !== 'SAFE' && !isLoss(one)) return 'risky';
  if (hazard === 'long') return 'waits';
  return hazard === 'brief' ? 'briefly' : 'none';
}

/** A whole plan, for people. */
export function describeImpact(
  style: Style,
  plan: ImpactPlan,
  options: DescribeImpactOptions,
): string {
  const columns = Math.max(40, options.columns ?? 100);
  const all = found(plan);
  const of = (concern: Concern) => all.filter((one) => concernOf(one) === concern);
  const whole = (one: Found) => wholeLines(style, one, columns);
  const briefly = options.verbose ? whole : (one: Found) => [headLine(style, one, lockText(one))];
  const parts = [
    describeLosses(style, plan, { title: options.title, columns }),
    options.verbose ? section('What goes', all.filter(isLoss), whole) : '',
    section(style.red('Would fail'), of('fails'), whole),
    section(style.yellow('Not known'), of('unknown'), whole),
    section(style.yellow('Risky'), of('risky'), whole),
    section(style.yellow('Others wait'), of('waits'), whole),
    ...(options.brief
      ? []
      : [
          section(
            'Locked for a moment',
            of('briefly'),
            briefly,
            paragraph(briefAdvice, columns, 6),
          ),
          harmless(style, plan, options.verbose === true),
        ]),
    policyLines(style, options.policy, columns),
    plan.notes.flatMap((note) => paragraph(`note: ${printable(note)}`, columns, 2)).join('\n'),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

const briefAdvice =
  'Each waits for those who use the table, and everybody else waits behind it: with lock_timeout and another attempt nobody waits long (`belay migrate up` does that by itself).';

function section(
  title: string,
  list: readonly Found[],
  linesOf: (one: Found) => readonly string[],
  end: readonly string[] = [],
): string {
  return list.length === 0 ? '' : [`  ${title}`, ...list.flatMap(linesOf), ...end].join('\n');
}

function paragraph(text: string, columns: number, indent: number): string[] {
  const space = ' '.repeat(indent);
  return wrap(text, columns - indent).map((line) => `${space}${line}`);
}

function headLine(style: Style, { statement, impact }: Found, more = ''): string {
  const parts = [printable(impact.operation), shortName(impact.object), more];
  const place = style.dim(`(${placeText(statement)})`);
  return `    ${[...parts, place].filter((part) => part !== '').join('  ')}`;
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

function wholeLines(style: Style, one: Found, columns: number): string[] {
  const { wouldFail, rowsAffected, reason } = one.impact;
  const rows = wouldFail && rowsAffected ? style.red(`on ${plural(rowsAffected, 'row')}`) : '';
  return [
    headLine(style, one, wouldFail ? rows : lockText(one)),
    ...paragraph(printable(reason), columns, 6),
    ...details(one, columns),
  ];
}

/** Of a lock that others feel. */
function lockText({ impact }: Found): string {
  const { lock, rewrite, scan, hazard } = impact;
  if (lock === null || hazard === undefined || hazard === 'none') return '';
  const why = rewrite ? ', writes every row' : scan ? ', reads every row' : '';
  return `${lock}${hazard === 'brief' ? ' for a moment' : ''}${why}`;
}

/** Statements of which nothing was said. */
function harmless(style: Style, { statements }: ImpactPlan, verbose: boolean): string {
  const quiet = statements.filter((statement) =>
    statement.impacts.every((impact) => {
      const one = { statement, impact };
      return !isLoss(one) && concernOf(one) === 'none';
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
