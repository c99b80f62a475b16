import type { RestoredTable, RestoreTablesResult } from '../../index.js';
import { formatDuration, plural } from './format.js';
import type { Style } from './style.js';

/** What a restore of single tables did, with what is kept and what does not hold. */
export function describeRestoredTables(style: Style, result: RestoreTablesResult): string {
  const { tables, snapshot, database, outageMs, durationMs, keptIn } = result;
  const away =
    outageMs > 0 ? `, of which they could not be read for ${formatDuration(outageMs)}` : '';
  return [
    ...tables.map((table) => describeTable(style, table, snapshot.tag, database)),
    style.dim(
      `  rows and definitions compared with the snapshot, in ${formatDuration(durationMs)}${away}`,
    ),
    ...keptIn.map((schema) =>
      style.dim(
        `  what was replaced is in schema "${schema}"; DROP SCHEMA … CASCADE removes it for good`,
      ),
    ),
  ].join('\n');
}

function describeTable(
  style: Style,
  { table, restoredAs, rows, replaced, notValid, leftOut }: RestoredTable,
  tag: string,
  database: string,
): string {
  const where = restoredAs === table ? '' : ` as ${style.bold(restoredAs)}`;
  const before = replaced ? ` (it had ${plural(replaced.rows, 'row')})` : '';
  return [
    `${style.green('✔')} ${style.bold(table)} of "${database}" is back from ${tag}${where}: ${plural(rows, 'row')}${before}`,
    ...notValid.map((name) =>
      style.yellow(`  foreign key ${name} does not hold for every row: NOT VALID`),
    ),
    ...leftOut.map(({ constraint, why }) =>
      style.yellow(`  foreign key ${constraint} is left out: ${why}`),
    ),
  ].join('\n');
}
