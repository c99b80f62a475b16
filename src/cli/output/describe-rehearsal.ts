import type {
  Rehearsal,
  RehearsedLock,
  RehearsedProbe,
  RehearsedStatement,
  RehearsedTable,
} from '../../index.js';
import { changeLines } from './describe-schema.js';
import { formatBytes, formatCount, formatDuration, formatTime, plural } from './format.js';
import { shortName, wrap } from './impact-texts.js';
import { printable } from './printable.js';
import {
  columnTexts,
  heldText,
  lockEffect,
  modeText,
  rowText,
  tableTexts,
} from './rehearsal-texts.js';
import type { Style } from './style.js';

const narrowest = 40;
const usualColumns = 100;

/** Of each list; JSON has all. */
const most = { losses: 30, tables: 30, schema: 40, locks: 8, statements: 5, sequences: 10 };

/** Shorter ones are not what anybody looks for in a report. */
const worthMentionMs = 10;

/**
 * A rehearsal for people, most important first:
 *
 *       ✘ rehearsal of up.sql: 1,234 records lost
 *         refused: 1,234 records lost, at most 0 allowed
 */
export function describeRehearsal(style: Style, rehearsal: Rehearsal, columns?: number): string {
  const width = Math.max(narrowest, columns ?? usualColumns);
  const parts = [
    headLines(style, rehearsal, width),
    section(style.red('Failed'), errorLines(rehearsal, width)),
    section(style.yellow('Lost'), lossLines(style, rehearsal)),
    section('Rows and values', tableLines(style, rehearsal, width)),
    section('Schema', schemaLines(style, rehearsal)),
    section('Probes', probeLines(style, rehearsal, width)),
    section('Locks', lockLines(style, rehearsal, width)),
    section('Longest statements', statementLines(style, rehearsal, width)),
    section('Sequences', sequenceLines(rehearsal)),
    footLines(style, rehearsal, width),
  ];
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`  ${title}`, ...lines];
}

function paragraph(text: string, width: number, indent: number): string[] {
  const space = ' '.repeat(indent);
  return wrap(text, width - indent).map((line) => `${space}${line}`);
}

/** A list cut to what is looked at. */
function few<T>(list: readonly T[], limit: number, linesOf: (one: T) => readonly string[]) {
  const left = list.length - limit;
  const more = left > 0 ? [`    … and ${formatCount(left)} more (--json has all)`] : [];
  return [...list.slice(0, limit).flatMap(linesOf), ...more];
}

function headLines(style: Style, rehearsal: Rehearsal, width: number): string[] {
  const { ok, command, file, untouched, exceeded } = rehearsal;
  const what = style.bold(printable(command ?? file ?? 'the migration'));
  const lost = rehearsal.recordsLost > 0;
  const mark = ok ? (lost ? style.yellow('!') : style.green('✔')) : style.red('✘');
  const touched = 'the real database was touched while it ran';
  return [
    `${mark} rehearsal of ${what}: ${verdict(rehearsal)}`,
    ...(untouched.status === 'touched' ? [style.red(`  ${touched}`)] : []),
    ...exceeded.flatMap(({ message }) =>
      paragraph(`refused: ${message}`, width, 2).map((line) => style.red(line)),
    ),
  ];
}

function verdict({ timedOut, exitCode, command, recordsLost, valuesChanged }: Rehearsal): string {
  const lost =
    recordsLost > 0
      ? `${plural(recordsLost, 'record')} lost`
      : valuesChanged > 0
        ? `nothing lost, ${plural(valuesChanged, 'value')} changed`
        : 'nothing lost';
  if (timedOut) return `it did not end in time (until then: ${lost})`;
  if (exitCode === 0) return lost;
  const failed = command === null ? 'it fails' : `it fails with exit code ${exitCode}`;
  return recordsLost > 0 ? `${failed}, and leaves ${lost}` : failed;
}

function errorLines({ errors }: Rehearsal, width: number): string[] {
  return errors.flatMap(({ message, sqlState, line, statement, file }) => {
    const where = [file ? printable(file) : '', line === null ? '' : `line ${line}`];
    const place = where.filter(Boolean).join(', ');
    const state = sqlState === null ? '' : ` (${sqlState})`;
    return [
      ...paragraph(`${place ? `${place}: ` : ''}${printable(message)}${state}`, width, 4),
      ...(statement === null ? [] : sqlLines(statement, width)),
    ];
  });
}

/** The beginning of a statement, in one line. */
function sqlLines(sql: string, width: number): string[] {
  const line = [...printable(sql.replace(/\s+/g, ' ').trim())];
  const room = width - 6;
  return [`      ${line.length > room ? `${line.slice(0, room - 1).join('')}…` : line.join('')}`];
}

/** Rows and values that were there and are not. */
function lossLines(style: Style, { tables }: Rehearsal): string[] {
  const losses = tables
    .flatMap((table) => [
      ...(table.rowsDeleted > 0
        ? [{ name: shortName(table.table), n: table.rowsDeleted, text: rowsLost(table) }]
        : []),
      ...table.columns
        .filter((column) => column.valuesLost > 0)
        .map(({ column, change, valuesLost: n }) => ({
          name: `${shortName(table.table)}.${printable(column)}`,
          ...{ n, text: `${plural(n, 'value')}${change === 'dropped' ? ' (column dropped)' : ''}` },
        })),
    ])
    .sort((a, b) => b.n - a.n);
  const longest = Math.max(0, ...losses.map(({ name }) => name.length));
  return few(losses, most.losses, ({ name, text }) => [
    `    ${name.padEnd(longest)}  ${style.yellow(text)}`,
  ]);
}

function rowsLost({ rowsDeleted, rowsBefore, change }: RehearsedTable): string {
  if (change === 'dropped') return `${plural(rowsDeleted, 'row')} (table dropped)`;
  const all = rowsDeleted === rowsBefore ? 'all ' : '';
  const of = all === '' ? ` of ${formatCount(rowsBefore)}` : '';
  return `${all}${plural(rowsDeleted, 'row')}${of}`;
}

function tableLines(style: Style, { tables }: Rehearsal, width: number): string[] {
  return few(tables, most.tables, (table) => [
    ...paragraph([shortName(table.table), ...tableText(table)].join('  '), width, 4),
    ...table.columns.flatMap((column) =>
      paragraph(`${printable(column.column)}: ${columnTexts(column).join(', ')}`, width, 6),
    ),
    ...table.samples
      .slice(0, 3)
      .flatMap((row) => paragraph(`e.g. ${row.change} ${rowText(row)}`, width, 6))
      .map((line) => style.dim(line)),
  ]);
}

/** Nothing where only its columns have something to say. */
function tableText(table: RehearsedTable): string[] {
  const texts = tableTexts(table);
  return texts.length === 0 ? [] : [texts.join(', ')];
}

function schemaLines(style: Style, { schema }: Rehearsal): string[] {
  return few(schema, most.schema, (change) => {
    const { name, detail, reason } = change;
    const detailLines = detail.split('\n').map(printable).join('\n');
    const shown = {
      ...change,
      name: printable(name),
      detail: detailLines,
      reason: printable(reason),
    };
    return changeLines(style, shown).map((line) => `    ${line}`);
  });
}

function probeLines(style: Style, { probes }: Rehearsal, width: number): string[] {
  const isFine = ({ verdict: found }: RehearsedProbe) => found === 'same' || found === 'mended';
  const told = probes.filter((probe) => !isFine(probe));
  const fine = probes.length - told.length;
  const queries = probes.length === 1 ? 'query' : 'queries';
  const asBefore = `    ${formatCount(fine)} of ${formatCount(probes.length)} ${queries} as before`;
  return [
    ...told.flatMap((probe) => probeText(style, probe, width).map((line) => `    ${line}`)),
    ...(fine > 0 ? [style.green(asBefore)] : []),
  ];
}

/** One of the application's queries, before and after, in two lines. */
export function describeProbe(style: Style, probe: RehearsedProbe, columns?: number): string {
  return probeText(style, probe, Math.max(narrowest, columns ?? usualColumns)).join('\n');
}

function probeText(style: Style, probe: RehearsedProbe, width: number): string[] {
  const what = printable(probeFinding(probe));
  return [
    `${paintVerdict(style, probe)}  ${style.dim(`line ${probe.line}`)}${what && '  '}${what}`,
    ...sqlLines(probe.sql, width - 4).map((line) => style.dim(line.slice(4))),
  ];
}

function paintVerdict(style: Style, { verdict: found }: RehearsedProbe): string {
  if (found === 'same' || found === 'mended') return style.green(found);
  return found === 'broken' || found === 'changed' ? style.red(found) : style.yellow(found);
}

function probeFinding({ before, after, verdict: found }: RehearsedProbe): string {
  if (found === 'same' || found === 'mended') return '';
  if (found === 'broken' || found === 'failing') return after.error ?? '';
  if (found === 'slower') {
    return `${formatDuration(before.durationMs)} → ${formatDuration(after.durationMs)}`;
  }
  if (JSON.stringify(before.columns) !== JSON.stringify(after.columns)) {
    const names = (list: readonly string[] | null) => (list ?? []).join(', ') || 'none';
    return `columns ${names(before.columns)} → ${names(after.columns)}`;
  }
  if (before.rows === after.rows)
    return `${plural(after.rows ?? 0, 'row')} as before, with others in them or in another order`;
  return `${formatCount(before.rows ?? 0)} → ${plural(after.rows ?? 0, 'row')}`;
}

function lockLines(style: Style, rehearsal: Rehearsal, width: number): string[] {
  const { locks, sampleIntervalMs } = rehearsal;
  const isSampled = locks.some(({ heldMs, heldAtMostMs }) => heldMs !== heldAtMostMs);
  const note = `seen every ${sampleIntervalMs} ms: shorter ones may be missing`;
  return [
    ...few(locks, most.locks, (lock) => lockText(style, lock, width)),
    ...(isSampled && sampleIntervalMs !== null ? [style.dim(`    ${note}`)] : []),
  ];
}

function lockText(style: Style, lock: RehearsedLock, width: number): string[] {
  const { kind, object, mode, waitedMs, statement } = lock;
  const effect = lockEffect(lock);
  const held = mode === 'AccessExclusiveLock' ? style.yellow(heldText(lock)) : heldText(lock);
  const name = `${kind === 'table' ? '' : `${kind} `}${shortName(object)}`;
  const waited = waitedMs >= 1 ? `, waited for ${formatDuration(waitedMs)}` : '';
  return [
    `    ${held}  ${name}  ${modeText(mode)}${effect && style.dim(` (${effect})`)}${waited}`,
    ...(statement === null ? [] : sqlLines(statement, width).map((line) => style.dim(line))),
  ];
}

function statementLines(style: Style, { statements }: Rehearsal, width: number): string[] {
  const long = statements.filter(({ durationMs }) => durationMs >= worthMentionMs);
  return long
    .slice(0, most.statements)
    .flatMap((statement) => [
      `    ${statement.exact ? '' : 'at least '}${formatDuration(statement.durationMs)}${style.dim(placeOf(statement))}`,
      ...sqlLines(statement.sql, width),
    ]);
}

function placeOf({ file, line }: RehearsedStatement): string {
  const parts = [file ? printable(file) : '', line === null ? '' : `line ${line}`].filter(Boolean);
  return parts.length === 0 ? '' : `  (${parts.join(', ')})`;
}

function sequenceLines({ sequences }: Rehearsal): string[] {
  return few(sequences, most.sequences, ({ sequence, before, after }) => [
    `    ${shortName(sequence)}  ${before ?? 'none'} → ${after ?? 'gone'}`,
  ]);
}

function footLines(style: Style, rehearsal: Rehearsal, width: number): string[] {
  const { durationMs, measuringMs, walBytes, walShared, tablesCompared, tablesUntouched } =
    rehearsal;
  const wal =
    walBytes === null
      ? ''
      : `, ${formatBytes(walBytes)} of WAL${walShared ? ' (others’ on this server among it)' : ''}`;
  const lines = [
    `took ${formatDuration(durationMs)}${wal}`,
    `${plural(tablesCompared, 'table')} compared, ${formatCount(tablesUntouched)} not written to, in ${formatDuration(measuringMs)}`,
    sourceText(rehearsal),
    `real database: ${untouchedText(rehearsal)}`,
  ].flatMap((line) => paragraph(line, width, 2));
  const notes = rehearsal.notes.flatMap((note) => paragraph(`note: ${printable(note)}`, width, 2));
  return [...lines.map((line) => style.dim(line)), ...notes];
}

function sourceText({ source }: Rehearsal): string {
  const { kind, tag, createdAt, why, durationMs } = source;
  const of = tag === null ? 'as it is now' : `"${printable(tag)}" of ${formatTime(createdAt)}`;
  const because = why === null ? '' : `: ${printable(why)}`;
  return `on a copy of the ${kind === 'clone' ? 'database' : kind} ${of}, made in ${formatDuration(durationMs)}${because}`;
}

function untouchedText({ untouched: { status, evidence } }: Rehearsal): string {
  const said = { proven: 'untouched', 'others-only': 'changed by others only', touched: 'TOUCHED' };
  return [`${said[status]}.`, ...evidence.map(printable)].join(' ');
}
