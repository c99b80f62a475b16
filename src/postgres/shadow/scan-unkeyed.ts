import type { MappedTable } from '../../domain/shadow.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { fillStage } from './apply-fill.js';
import { isRefusal, rowRefused } from './apply-refusal.js';
import { copyInto, copyOut, doingTable, matches, shadowRelation, stage } from './apply-stage.js';
import { sourceColumns, sourceRelation } from './scan-filter.js';
import type { ScannedTable, TableScan } from './scan-table.js';
import { countShadow, forgetDeleted, notesOf, readOffset, writeOffset } from './shadow-notes.js';

/**
 * A table whose rows cannot be told apart: as soon as one has changed, or the numbers differ, all are copied anew. That is
 * all that can be done without a loss; rows that the migration had changed are then as the target has them.
 */
export async function scanUnkeyed(scan: TableScan, filter: string): Promise<ScannedTable> {
  const { source, shadow, table } = scan;
  const { rows, changed } = await source.queryOne<{ rows: number; changed: number }>(
    `SELECT count(*)::float8 AS rows, count(*) FILTER (WHERE ${filter})::float8 AS changed FROM ${sourceRelation(table)} t`,
    [],
    doingTable(table),
  );
  const rowsInShadow = await countShadow(shadow, table);
  const rowsByMigration = await readOffset(shadow, table);
  const counts = { rowsInSource: rows, rowsInShadow, rowsByMigration };
  if (changed === 0 && rowsInShadow - rowsByMigration === rows) {
    return { upserted: 0, deleted: 0, ...counts };
  }
  await scan.beforeWriting?.();
  await emptyTable(shadow, table);
  const copied = await copyWhole(source, shadow, table, rows);
  if (rowsByMigration !== 0) await writeOffset(shadow, table, 0);
  const deleted = Math.max(0, rowsInShadow - rowsByMigration - rows);
  return {
    upserted: copied,
    deleted,
    rowsInSource: rows,
    rowsInShadow: copied,
    rowsByMigration: 0,
  };
}

/**
 * TRUNCATE is quick, and refused where a foreign key refers to the table. What the migration itself inserted stays.
 * @returns how many rows went
 */
export async function emptyTable(shadow: Session, table: MappedTable): Promise<number> {
  const name = quoteQualifiedName(table.shadow ?? { schema: '', name: '' });
  if (await forgetDeleted(shadow, table)) {
    const deleted = await shadow.run(
      `DELETE FROM ${shadowRelation(table)} t WHERE NOT EXISTS (
         SELECT FROM ${notesOf(table, 'inserted')} s WHERE ${matches(table)})`,
      doingTable(table),
    );
    return deleted ?? 0;
  }
  const rows = await countShadow(shadow, table);
  const { referred } = await shadow.queryOne<{ referred: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = ${quoteLiteral(name)}::regclass) AS referred`,
    [],
    doingTable(table),
  );
  const sql =
    referred || table.isShadowPartitioned
      ? `DELETE FROM ${shadowRelation(table)}`
      : `TRUNCATE ONLY ${name}`;
  await shadow.execute(sql, doingTable(table));
  return rows;
}

async function copyWhole(
  source: Session,
  shadow: Session,
  table: MappedTable,
  rows: number,
): Promise<number> {
  const doing = doingTable(table);
  const name = quoteQualifiedName(table.shadow ?? { schema: '', name: '' });
  const given = table.columns.map((_, index) => index);
  if (given.length === 0) {
    // Nothing of its rows is known but how many there are.
    for (let row = 0; row < rows; row += 1) {
      await shadow.execute(`INSERT INTO ${name} DEFAULT VALUES`, doing);
    }
    return rows;
  }
  const list = table.columns.map(({ shadow: column }) => quoteIdentifier(column)).join(', ');
  const query = `SELECT ${sourceColumns(table, given)} FROM ${sourceRelation(table)} t`;
  try {
    if (!table.columns.some(({ isAssignable }) => isAssignable)) {
      return await copyInto(shadow, `${name} (${list})`, copyOut(source, query), doing);
    }
    await fillStage(shadow, { table, given }, () => copyOut(source, query));
    const copied = await shadow.run(
      `INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE SELECT ${given.map((index) => `c${index}`).join(', ')} FROM ${stage}`,
      doing,
    );
    return copied ?? 0;
  } catch (error) {
    throw isRefusal(error) ? rowRefused(table, null, error) : error;
  }
}
