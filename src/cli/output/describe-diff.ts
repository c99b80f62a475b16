import type { DiffResult, SchemaChange } from '../../index.js';
import { formatCount } from './format.js';
import type { Style } from './style.js';

/** What differs between A and B, from A to B. */
export function describeDiff(style: Style, diff: DiffResult, a: string, b: string): string {
  const compared = diff.data ? 'schema, row counts and rows' : 'schema and row counts';
  if (diff.identical) return `${a} and ${b} do not differ (${compared})`;
  return [
    style.bold(`from ${a} to ${b}`),
    ...section(
      style,
      'schema',
      diff.schema.flatMap((change) => schemaLines(style, change)),
    ),
    ...section(style, 'rows', diff.rowCounts.map(countLine)),
    ...section(
      style,
      'sequences',
      diff.sequences.map(({ name, expected, actual }) => `${name}  ${expected} → ${actual}`),
    ),
    ...section(
      style,
      'data',
      (diff.data ?? []).flatMap((table) => dataLines(style, table)),
    ),
  ].join('\n');
}

function section(style: Style, title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [style.dim(title), ...lines.map((line) => `  ${line}`)];
}

function schemaLines(style: Style, change: SchemaChange): string[] {
  const marks = { added: style.green('+'), removed: style.red('-'), changed: style.yellow('~') };
  const [first = '', ...rest] = change.detail.split('\n');
  const separator = first === '' ? '' : '  ';
  return [
    `${marks[change.kind]} ${change.object} ${change.name}${separator}${style.dim(first)}`,
    ...rest.map((line) => style.dim(`    ${line}`)),
  ];
}

function countLine({ table, a, b, unknown }: DiffResult['rowCounts'][number]): string {
  const side = (count: number | null) => {
    if (count !== null) return formatCount(count);
    return unknown ? 'not counted in time' : 'no table';
  };
  const delta = a !== null && b !== null ? ` (${b > a ? '+' : ''}${formatCount(b - a)})` : '';
  return `${table}  ${side(a)} → ${side(b)}${delta}`;
}

function dataLines(style: Style, table: NonNullable<DiffResult['data']>[number]): string[] {
  const counts = `${table.added} added, ${table.removed} removed, ${table.changed} changed`;
  const marks = { added: style.green('+'), removed: style.red('-'), changed: style.yellow('~') };
  return [
    `${table.table}  ${counts}${table.skipped ? `  (${table.skipped})` : ''}`,
    ...table.samples.map(({ kind, key, before, after }) => {
      const values = kind === 'changed' ? changedValues(before, after) : (after ?? before);
      return `  ${marks[kind]} ${style.dim(JSON.stringify({ ...key, ...values }))}`;
    }),
  ];
}

type Row = Readonly<Record<string, string | null>> | undefined;

/** Only the columns that differ, as "before → after". */
function changedValues(before: Row = {}, after: Row = {}): Record<string, string> {
  const names = Object.keys(after).filter((name) => before[name] !== after[name]);
  return Object.fromEntries(
    names.map((name) => [name, `${before[name] ?? 'NULL'} → ${after[name] ?? 'NULL'}`]),
  );
}
