import { codeBlock, inlineCode, plainMarkdown } from './impact/markdown-text.js';
import { plainCount } from './impact/plain-count.js';
import type { Rehearsal, RehearsedLock, RehearsedProbe, RehearsedTable } from './rehearsal.js';

export interface RehearsalMarkdownOptions {
  /** Default: the command or file that was rehearsed. */
  readonly title?: string | undefined;
  /** Longest text; default 60,000 characters: a comment of GitHub takes 65,536. */
  readonly maxLength?: number | undefined;
}

const usualLength = 60_000;

/** Of each list; JSON has all. */
const most = { rows: 50, locks: 10, statements: 10, schema: 100, samples: 3 };

const format = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/**
 * A rehearsal as a comment for a pull request, in GitHub's Markdown: what was lost, and folded what there is to know of it. Names, values and
 * SQL cannot break out of where they stand, or call anybody. What is too much for one comment is left out from its end.
 *
 * @example
 * const text = rehearsalMarkdown(await rehearseMigration(target, { inputs: ['up.sql'] }));
 */
export function rehearsalMarkdown(
  rehearsal: Rehearsal,
  { title, maxLength = usualLength }: RehearsalMarkdownOptions = {},
): string {
  const head = [heading(rehearsal, title), ...verdicts(rehearsal)];
  const body = [
    ...errors(rehearsal),
    ...losses(rehearsal),
    ...probes(rehearsal),
    ...locks(rehearsal),
    ...schema(rehearsal),
    ...details(rehearsal),
    ...statements(rehearsal),
    ...ending(rehearsal),
  ];
  const leftOut = '… the rest is left out: the text is too long';
  for (let count = body.length; count >= 0; count -= 1) {
    const rest = count < body.length ? [leftOut] : [];
    const whole = `${[...head, ...body.slice(0, count), ...rest].join('\n\n')}\n`;
    if (whole.length <= maxLength) return whole;
  }
  return `${head[0]?.slice(0, maxLength) ?? ''}\n`;
}

function heading(rehearsal: Rehearsal, title: string | undefined): string {
  const { ok, command, file, recordsLost } = rehearsal;
  const what = title ?? command ?? file ?? '';
  const sign = ok ? (recordsLost > 0 ? '⚠️' : '✅') : '🛑';
  return `### ${sign} Migration rehearsal: ${inlineCode(what)}`;
}

function verdicts(rehearsal: Rehearsal): string[] {
  const { recordsLost, valuesChanged, durationMs, exitCode, timedOut, untouched } = rehearsal;
  const failed = timedOut ? 'did not end in time' : exitCode === 0 ? '' : `failed (${exitCode})`;
  const facts = [
    ...(failed === '' ? [] : [`**${failed}**`]),
    recordsLost > 0 ? `**${plainCount(recordsLost, 'record')} lost**` : 'nothing lost',
    `${plainCount(valuesChanged, 'value')} changed`,
    `took ${duration(durationMs)}`,
  ];
  const touched = '🛑 **The real database was touched while it ran.**';
  return [
    `${facts.join(', ')}.`,
    ...(untouched.status === 'touched' ? [touched] : []),
    ...rehearsal.exceeded.map(({ message }) => `🛑 Refused: ${plainMarkdown(message)}`),
  ];
}

function duration(ms: number): string {
  if (ms < 1000) return `${format.format(ms)} ms`;
  if (ms < 60_000) return `${format.format(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function errors({ errors: all }: Rehearsal): string[] {
  return all.flatMap(({ message, sqlState, line, statement, file }) => {
    const place = [file ? inlineCode(file) : '', line === null ? '' : `line ${line}`];
    const where = place.filter(Boolean).join(', ');
    const state = sqlState === null ? '' : ` (${sqlState})`;
    return [
      `${where === '' ? '' : `${where}: `}${plainMarkdown(message)}${state}`,
      ...(statement === null ? [] : [codeBlock(statement, 'sql')]),
    ];
  });
}

/** Rows of a table, cut to what is looked at. */
function table(head: readonly string[], rows: readonly (readonly string[])[], limit = most.rows) {
  if (rows.length === 0) return [];
  const lines = [head, head.map(() => '---'), ...rows.slice(0, limit)];
  const left = rows.length - limit;
  return [
    lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n'),
    ...(left > 0 ? [`… and ${format.format(left)} more`] : []),
  ];
}

function losses({ tables }: Rehearsal): string[] {
  const rows = tables.flatMap((one) => [
    ...(one.rowsDeleted > 0
      ? [
          {
            n: one.rowsDeleted,
            cells: [inlineCode(one.table), `${rowsLost(one)}`],
          },
        ]
      : []),
    ...one.columns
      .filter(({ valuesLost }) => valuesLost > 0)
      .map(({ column, valuesLost: n, change }) => ({
        n,
        cells: [
          inlineCode(`${one.table}.${column}`),
          `${plainCount(n, 'value')}${change === 'dropped' ? ' (column dropped)' : ''}`,
        ],
      })),
  ]);
  const sorted = rows.sort((a, b) => b.n - a.n).map(({ cells }) => cells);
  return table(['', 'lost'], sorted);
}

function rowsLost({ rowsDeleted, rowsBefore, change }: RehearsedTable): string {
  const of = rowsDeleted === rowsBefore ? ', all' : ` of ${format.format(rowsBefore)}`;
  return `${plainCount(rowsDeleted, 'row')}${change === 'dropped' ? ' (table dropped)' : of}`;
}

const verdictSigns: Readonly<Record<RehearsedProbe['verdict'], string>> = {
  broken: '🛑 broken',
  changed: '🛑 changed',
  slower: '⚠️ slower',
  failing: '⚠️ fails as before',
  mended: '✅ mended',
  same: '✅ same',
};

function probes({ probes: all }: Rehearsal): string[] {
  if (all.length === 0) return [];
  const told = all.filter(({ verdict }) => verdict !== 'same');
  const rows = told.map(({ verdict, sql, line, before, after }) => [
    verdictSigns[verdict],
    `${line}`,
    inlineCode(cut(sql, 120)),
    runText(before),
    runText(after),
  ]);
  const fine = all.length - told.length;
  return [
    ...table(['probe', 'line', 'query', 'before', 'after'], rows),
    ...(fine > 0 ? [`${fine} of ${all.length} probes answer as before.`] : []),
  ];
}

function runText({ rows, durationMs, error }: RehearsedProbe['before']): string {
  if (error !== null) return plainMarkdown(error);
  const count = rows === null ? '' : `${plainCount(rows, 'row')}, `;
  return `${count}${duration(durationMs)}`;
}

/** So that nobody reads a text of any length in a cell. */
function cut(text: string, length: number): string {
  const characters = [...text.slice(0, 2 * length)];
  return characters.length > length ? `${characters.slice(0, length - 1).join('')}…` : text;
}

function locks({ locks: all, sampleIntervalMs }: Rehearsal): string[] {
  const rows = all.map((lock) => [
    heldText(lock),
    inlineCode(lock.object),
    inlineCode(lock.mode),
    lock.statement === null ? '' : inlineCode(cut(lock.statement, 120)),
  ]);
  const isSampled = all.some(({ heldMs, heldAtMostMs }) => heldMs !== heldAtMostMs);
  const note = `Locks were seen every ${sampleIntervalMs} ms: shorter ones may be missing.`;
  return [
    ...table(['held', 'locked', 'mode', 'by'], rows, most.locks),
    ...(isSampled && sampleIntervalMs !== null ? [note] : []),
  ];
}

function heldText({ heldMs, heldAtMostMs }: RehearsedLock): string {
  if (heldMs === heldAtMostMs) return duration(heldMs);
  if (heldMs < 1) return `under ${duration(Math.max(1, Math.ceil(heldAtMostMs)))}`;
  return `${duration(heldMs)} to ${duration(heldAtMostMs)}`;
}

const folded = (summary: string, inside: string): string =>
  `<details>\n<summary>${summary}</summary>\n\n${inside}\n\n</details>`;

const signs = { added: '+', removed: '-', changed: '~' } as const;

function schema({ schema: changes }: Rehearsal): string[] {
  if (changes.length === 0) return [];
  const lines = changes.slice(0, most.schema).map(({ kind, object, name, detail, safety }) => {
    const what = detail === '' ? '' : `: ${plainMarkdown(cut(detail, 200))}`;
    const danger = safety === 'SAFE' ? '' : ` **${safety.replace('_', ' ')}**`;
    return `- ${inlineCode(signs[kind])} ${plainMarkdown(object)} ${inlineCode(name)}${what}${danger}`;
  });
  const left = changes.length - lines.length;
  const more = left > 0 ? [`- … and ${format.format(left)} more`] : [];
  const count = plainCount(changes.length, 'change');
  return [folded(`${count} of the schema`, [...lines, ...more].join('\n'))];
}

function details({ tables }: Rehearsal): string[] {
  if (tables.length === 0) return [];
  const rows = tables.map((one) => [
    inlineCode(one.renamedTo === null ? one.table : `${one.table} → ${one.renamedTo}`),
    one.change,
    ...[one.rowsBefore, one.rowsAfter, one.rowsInserted, one.rowsDeleted, one.rowsUpdated].map(
      (n) => format.format(n),
    ),
    one.columns.map(columnText).join('; '),
  ]);
  const head = ['table', '', 'before', 'after', 'inserted', 'deleted', 'updated', 'columns'];
  const samples = tables.flatMap(sampleLines);
  const examples = samples.length === 0 ? [] : [`Examples:\n\n${samples.join('\n')}`];
  const count = plainCount(tables.length, 'table');
  return [folded(`${count} changed`, [...table(head, rows), ...examples].join('\n\n'))];
}

function columnText(column: RehearsedTable['columns'][number]): string {
  const { renamedTo, change, valuesLost, valuesChanged, valuesSet } = column;
  const counts = [
    ...(change === 'kept' ? [] : [change]),
    ...(renamedTo === null ? [] : [`renamed to ${inlineCode(renamedTo)}`]),
    ...(valuesLost > 0 ? [`${format.format(valuesLost)} lost`] : []),
    ...(valuesChanged > 0 ? [`${format.format(valuesChanged)} changed`] : []),
    ...(valuesSet > 0 ? [`${format.format(valuesSet)} set`] : []),
  ];
  return `${inlineCode(column.column)} ${counts.join(', ')}`;
}

function sampleLines({ table: name, samples }: RehearsedTable): string[] {
  const shown = (value: string | null) => (value === null ? 'NULL' : `'${value}'`);
  return samples.slice(0, most.samples).map(({ key, change, values }) => {
    const which = Object.entries(key).map(([column, value]) => `${column} ${shown(value)}`);
    const what = values.map(({ column, before, after }) => {
      if (change === 'updated') return `${column} ${shown(before)} → ${shown(after)}`;
      return `${column} ${shown(change === 'deleted' ? before : after)}`;
    });
    const text = [which.join(', '), what.join(', ')].filter(Boolean).join(': ');
    return `- ${inlineCode(name)} ${change}: ${inlineCode(text)}`;
  });
}

function statements({ statements: all }: Rehearsal): string[] {
  if (all.length === 0) return [];
  const rows = all
    .slice(0, most.statements)
    .map(({ sql, durationMs, exact, line }) => [
      `${exact ? '' : 'at least '}${duration(durationMs)}`,
      line === null ? '' : `${line}`,
      inlineCode(cut(sql, 300)),
    ]);
  return [folded('Longest statements', table(['took', 'line', 'statement'], rows).join('\n\n'))];
}

function ending(rehearsal: Rehearsal): string[] {
  const { source, untouched, walBytes, walShared, tablesCompared, tablesUntouched } = rehearsal;
  const tag = source.tag === null ? '' : ` ${inlineCode(source.tag)}`;
  const why = source.why === null ? '' : ` (${plainMarkdown(source.why)})`;
  const wal = `${format.format((walBytes ?? 0) / 1_000_000)} MB of WAL${walShared ? ', others’ on the server among it' : ''}`;
  const proof = {
    proven: 'The real database was left alone',
    'others-only': 'The real database was changed by others only',
    touched: 'The real database was touched',
  }[untouched.status];
  const evidence = untouched.evidence
    .map((one) => plainMarkdown(one.replace(/\.$/, '')))
    .join('; ');
  const lines = [
    `On a copy from a ${source.kind}${tag} of ${plainMarkdown(source.createdAt)}${why}.`,
    `${plainCount(tablesCompared, 'table')} compared, ${format.format(tablesUntouched)} not written to.`,
    ...(walBytes === null ? [] : [`${wal}.`]),
    `${proof}${evidence === '' ? '' : `: ${evidence}`}.`,
    ...rehearsal.sequences.map(
      ({ sequence, before, after }) =>
        `Sequence ${inlineCode(sequence)}: ${before ?? 'none'} → ${after ?? 'gone'}.`,
    ),
    ...rehearsal.notes.map(plainMarkdown),
  ];
  return [lines.map((line) => `- ${line}`).join('\n')];
}
