import type {
  Rehearsal,
  RehearsedColumn,
  RehearsedLock,
  RehearsedProbe,
  RehearsedRow,
  RehearsedTable,
} from '../../../src/domain/rehearsal.js';
import { formatCount, formatDuration, plural } from '../format.js';

const some = (n: number, text: string): string[] => (n > 0 ? [text] : []);

/** A rehearsal in one sentence. */
export function rehearsalVerdict(rehearsal: Rehearsal): {
  readonly look: 'ok' | 'warn' | 'danger';
  readonly title: string;
} {
  const { ok, timedOut, exitCode, recordsLost, valuesChanged, untouched, exceeded } = rehearsal;
  if (untouched.status === 'touched') {
    return { look: 'danger', title: 'The real database was touched while it ran' };
  }
  if (timedOut) return { look: 'danger', title: 'It did not end in time' };
  if (exitCode !== 0) return { look: 'danger', title: 'The migration fails' };
  if (recordsLost > 0) {
    const title = `It works, and ${plural(recordsLost, 'record')} would be lost`;
    return { look: ok ? 'warn' : 'danger', title };
  }
  if (exceeded.length > 0) return { look: 'danger', title: 'It works, but passes a limit' };
  if (!ok) return { look: 'danger', title: 'It is not fit to run' };
  if (valuesChanged > 0) {
    return {
      look: 'ok',
      title: `It works; nothing is lost, ${plural(valuesChanged, 'value')} changed`,
    };
  }
  return { look: 'ok', title: 'It works, and nothing is lost' };
}

/** What became of a table's rows, most important first. */
export function tableWords(table: RehearsedTable): string {
  const { change, rowsBefore, rowsAfter, rowsInserted, rowsDeleted, rowsUpdated } = table;
  if (change === 'created') return `new, with ${plural(rowsAfter, 'row')}`;
  if (change === 'dropped') return `dropped with ${plural(rowsBefore, 'row')}`;
  const parts = [
    ...(change === 'remade' ? ['dropped and made anew'] : []),
    ...(table.renamedTo === null ? [] : [`renamed to ${table.renamedTo}`]),
    ...some(rowsDeleted, `${plural(rowsDeleted, 'row')} deleted`),
    ...some(rowsInserted, `${plural(rowsInserted, 'row')} inserted`),
    ...some(rowsUpdated, `${plural(rowsUpdated, 'row')} updated`),
  ];
  return parts.length === 0 ? 'its columns changed' : parts.join(', ');
}

/** What became of a column and its values. */
export function columnWords(column: RehearsedColumn): string {
  const { change, renamedTo, valuesLost, valuesChanged, valuesSet } = column;
  const kinds = { kept: [], dropped: ['dropped'], added: ['new'], retyped: ['another type'] };
  const parts = [
    ...kinds[change],
    ...(renamedTo === null ? [] : [`renamed to ${renamedTo}`]),
    ...some(valuesLost, `${plural(valuesLost, 'value')} lost`),
    ...some(valuesChanged, `${plural(valuesChanged, 'value')} changed`),
    ...some(valuesSet, `${plural(valuesSet, 'value')} set`),
  ];
  return parts.join(', ');
}

const valueText = (value: string | null): string => (value === null ? 'NULL' : `'${value}'`);

/** An example, in one line. */
export function rowWords({ key, change, values }: RehearsedRow): string {
  const which = Object.entries(key).map(([name, value]) => `${name} ${valueText(value)}`);
  const what = values.map(({ column, before, after }) => {
    if (change === 'deleted') return `${column} ${valueText(before)}`;
    if (change === 'inserted') return `${column} ${valueText(after)}`;
    return `${column} ${valueText(before)} → ${valueText(after)}`;
  });
  const row = which.join(', ');
  const text = what.join(', ');
  return `${change} ${row === '' || text === '' ? `${row}${text}` : `${row}: ${text}`}`;
}

/** How long a lock was held: measured, or between two bounds. */
export function heldWords({ heldMs, heldAtMostMs }: RehearsedLock): string {
  if (heldMs === heldAtMostMs) return formatDuration(heldMs);
  if (heldMs < 1) return `less than ${formatDuration(Math.max(1, Math.ceil(heldAtMostMs)))}`;
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
export function modeWords(mode: string): string {
  return mode
    .replace(/Lock$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase();
}

/** What is to be said of one of the application's queries; empty where it is as before. */
export function probeWords({ before, after, verdict }: RehearsedProbe): string {
  if (verdict === 'same' || verdict === 'mended') return '';
  if (verdict === 'broken' || verdict === 'failing') return after.error ?? '';
  if (verdict === 'slower') {
    return `${formatDuration(before.durationMs)} → ${formatDuration(after.durationMs)}`;
  }
  if (JSON.stringify(before.columns) !== JSON.stringify(after.columns)) {
    const names = (list: readonly string[] | null) => (list ?? []).join(', ') || 'none';
    return `columns ${names(before.columns)} → ${names(after.columns)}`;
  }
  if (before.rows === after.rows) {
    return `${plural(after.rows ?? 0, 'row')} as before, with others in them or in another order`;
  }
  return `${formatCount(before.rows ?? 0)} → ${plural(after.rows ?? 0, 'row')}`;
}

/** Where the copy came from. */
export function sourceWords({ source }: Pick<Rehearsal, 'source'>): string {
  const { kind, tag, durationMs, why } = source;
  const of = tag === null ? 'as it is now' : `“${tag}”`;
  const because = why === null ? '' : `: ${why}`;
  return `a copy of the ${kind === 'clone' ? 'database' : kind} ${of}, made in ${formatDuration(durationMs)}${because}`;
}

export const untouchedWords = {
  proven: 'untouched',
  'others-only': 'changed by others only',
  touched: 'touched',
} as const;
