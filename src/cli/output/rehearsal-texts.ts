import type { RehearsedColumn, RehearsedLock, RehearsedRow, RehearsedTable } from '../../index.js';
import { formatCount, formatDuration, plural } from './format.js';
import { shortName } from './impact-texts.js';
import { printable } from './printable.js';

const count = (n: number, text: (n: number) => string): string[] => (n > 0 ? [text(n)] : []);

/** What became of a table's rows, most important first. */
export function tableTexts(table: RehearsedTable): string[] {
  const { change, rowsBefore, rowsAfter, rowsInserted, rowsDeleted, rowsUpdated } = table;
  if (change === 'created') return [`new, with ${plural(rowsAfter, 'row')}`];
  if (change === 'dropped') return [`dropped with ${plural(rowsBefore, 'row')}`];
  return [
    ...(change === 'remade' ? ['dropped and made anew'] : []),
    ...(table.renamedTo === null ? [] : [`renamed to ${shortName(table.renamedTo)}`]),
    ...count(rowsDeleted, (n) => `${plural(n, 'row')} deleted`),
    ...count(rowsInserted, (n) => `${plural(n, 'row')} inserted`),
    ...count(rowsUpdated, (n) => `${plural(n, 'row')} updated`),
    ...(rowsBefore === rowsAfter
      ? []
      : [`${formatCount(rowsBefore)} → ${formatCount(rowsAfter)} rows`]),
    ...(table.identity === 'whole row' && rowsDeleted + rowsInserted > 0
      ? ['no key: changed rows count as deleted and inserted']
      : []),
  ];
}

/** What became of a column and its values. */
export function columnTexts(column: RehearsedColumn): string[] {
  const { change, renamedTo, valuesLost, valuesChanged, valuesSet } = column;
  return [
    ...(change === 'dropped' ? ['dropped'] : []),
    ...(change === 'added' ? ['new'] : []),
    ...(change === 'retyped' ? ['another type'] : []),
    ...(renamedTo === null ? [] : [`renamed to ${printable(renamedTo)}`]),
    ...count(valuesLost, (n) => `${plural(n, 'value')} lost`),
    ...count(valuesChanged, (n) => `${plural(n, 'value')} changed`),
    ...count(valuesSet, (n) => `${plural(n, 'value')} set`),
  ];
}

const valueText = (value: string | null): string =>
  value === null ? 'NULL' : `'${printable(value)}'`;

/** An example, in one line. */
export function rowText({ key, change, values }: RehearsedRow): string {
  const which = Object.entries(key).map(
    ([name, value]) => `${printable(name)} ${valueText(value)}`,
  );
  const what = values.map(({ column, before, after }) => {
    const name = printable(column);
    if (change === 'deleted') return `${name} ${valueText(before)}`;
    if (change === 'inserted') return `${name} ${valueText(after)}`;
    return `${name} ${valueText(before)} → ${valueText(after)}`;
  });
  const [row, text] = [which.join(', '), what.join(', ')];
  return row === '' || text === '' ? `${row}${text}` : `${row}: ${text}`;
}

/** How long a lock was held: measured, or between two bounds. */
export function heldText({ heldMs, heldAtMostMs }: RehearsedLock): string {
  if (heldMs === heldAtMostMs) return formatDuration(heldMs);
  if (heldMs < 1) return `< ${formatDuration(Math.max(1, Math.ceil(heldAtMostMs)))}`;
  return `${formatDuration(heldMs)} to ${formatDuration(heldAtMostMs)}`;
}

/** What a lock keeps others from, for people who don't know its name. */
export function lockEffect({ mode, kind }: RehearsedLock): string {
  if (kind === 'sequence') return '';
  if (mode === 'AccessExclusiveLock') return 'no reading, no writing';
  if (['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock'].includes(mode)) return 'no writing';
  return 'no changes of the schema';
}

/** "AccessExclusiveLock" as SQL and people name it. */
export function modeText(mode: string): string {
  return mode
    .replace(/Lock$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase();
}
