import type {
  PromoteResult,
  ShadowCreation,
  ShadowStatus,
  SyncResult,
  UntransformedRows,
} from '../../index.js';
import { describeProbe } from './describe-rehearsal.js';
import { formatAge, formatBytes, formatCount, formatDuration, plural } from './format.js';
import { printable } from './printable.js';
import type { Style } from './style.js';
import { formatTable } from './table.js';

const mostTables = 20;

/** A new shadow: where it is, what is in it, and what comes next. */
export function describeShadow(style: Style, made: ShadowCreation): string {
  const rows = made.tables.reduce((sum, table) => sum + table.rows, 0);
  const how =
    made.replication === 'logical'
      ? 'changes are followed in the WAL'
      : `changes are found by scans${made.whyScan ? ` (${printable(made.whyScan)})` : ''}`;
  return [
    `${style.green('✔')} "${printable(made.database)}" has the migration and ${plural(rows, 'row')} in ${plural(made.tables.length, 'table')}`,
    style.dim(`  made by ${made.method} in ${formatDuration(made.durationMs)}; ${how}`),
    `  ${printable(made.url)}`,
    '',
    tableList(
      style,
      made.tables.map(({ table, rows: count }) => [printable(table), formatCount(count)]),
      ['table', 'rows'],
    ),
    ...made.notes.map((note) => style.yellow(`  ! ${printable(note)}`)),
    '',
    style.dim(
      '  `belay shadow sync` brings over what changes, `belay shadow promote` puts it in place, `belay shadow abort` removes it',
    ),
  ].join('\n');
}

function tableList(style: Style, rows: readonly string[][], titles: readonly string[]): string {
  if (rows.length === 0) return style.dim('  no tables');
  const columns = titles.map((title, index) => ({
    title,
    align: index === 0 ? ('left' as const) : ('right' as const),
  }));
  const shown = formatTable(style, columns, rows.slice(0, mostTables));
  const indented = shown.split('\n').map((line) => `  ${line}`);
  const more = rows.length - mostTables;
  return [
    ...indented,
    ...(more > 0 ? [style.dim(`  and ${plural(more, 'table')} more`)] : []),
  ].join('\n');
}

/** What a sync has brought over. */
export function describeSync(style: Style, result: SyncResult): string {
  const changed = result.tables.filter(({ upserted, deleted }) => upserted + deleted > 0);
  const lag =
    result.lagBytes === null ? '' : `; ${formatBytes(result.lagBytes)} of WAL are still to be read`;
  return [
    `${style.green('✔')} "${printable(result.database)}" has ${plural(result.rowsBroughtOver, 'change')} more, in ${formatDuration(result.durationMs)}${lag}`,
    ...(changed.length === 0
      ? []
      : [
          tableList(
            style,
            changed.map(({ table, upserted, deleted }) => [
              printable(table),
              formatCount(upserted),
              formatCount(deleted),
            ]),
            ['table', 'written', 'deleted'],
          ),
        ]),
    ...describeUntransformed(style, result.untransformed),
  ].join('\n');
}

function describeUntransformed(style: Style, rows: readonly UntransformedRows[]): string[] {
  if (rows.length === 0) return [];
  const listed = rows.map(({ table, rows: count }) => `${printable(table)} ${formatCount(count)}`);
  return [
    style.yellow(
      `  ! rows that came after the migration lack what it did to the others: ${listed.join(', ')}`,
    ),
    style.dim('    `belay shadow sync --after-sync FILE.sql` does it to them too'),
  ];
}

/** Target and shadow side by side. */
export function describeShadowStatus(style: Style, status: ShadowStatus): string {
  const differing = status.tables.filter(({ rows, shadowRows }) => rows !== shadowRows);
  const facts = [
    `made by ${status.method} ${formatAge(status.createdAt)}`,
    `synced ${formatAge(status.syncedAt)}`,
    ...(status.lagBytes === null ? [] : [`${formatBytes(status.lagBytes)} of WAL behind`]),
  ];
  return [
    `"${printable(status.database)}", the shadow of "${printable(status.target)}"`,
    style.dim(`  ${facts.join(', ')}`),
    ...status.warnings.map((warning) => style.yellow(`  ! ${printable(warning)}`)),
    '',
    `  ${plural(status.schema.length, 'change')} of the schema, ${plural(differing.length, 'table')} with another number of rows`,
    ...status.schema
      .slice(0, mostTables)
      .map(({ kind, object, name }) => `    ${kind} ${object} ${printable(name)}`),
    '',
    tableList(
      style,
      status.tables.map(({ table, rows, shadowRows }) => [
        printable(table),
        rows === null ? '-' : formatCount(rows),
        shadowRows === null ? '-' : formatCount(shadowRows),
      ]),
      ['table', 'target', 'shadow'],
    ),
    ...describeUntransformed(style, status.untransformed),
    ...(status.probes.length === 0
      ? []
      : ['', ...status.probes.map((one) => describeProbe(style, one))]),
  ].join('\n');
}

/** A promote: what is in place now, how long it took anybody's time, and the way back. */
export function describePromotion(style: Style, result: PromoteResult): string {
  return [
    `${style.green('✔')} "${printable(result.database)}" is now what was its shadow; writers were held off ${formatDuration(result.outageMs)}`,
    style.dim(
      `  ${plural(result.rowsBroughtOver, 'row')} brought over, ${result.verified ? 'rows compared by number' : 'not verified'}, in ${formatDuration(result.durationMs)}`,
    ),
    style.dim(
      `  what was there is kept as "${printable(result.previous.database)}"; \`belay shadow promote --undo\` swaps back`,
    ),
  ].join('\n');
}
