import type { Session } from '../session.js';
import { type DataTable, dataTableSql, dropTable } from './keeping.js';
import { differs } from './kept-columns.js';

/** A column of an updated table in its backup. */
export interface UpdatedPlaces {
  readonly isKey: boolean;
  readonly before: string;
  readonly after: string;
}

/** How deep in triggers a row was updated. */
export const depthColumn = 'depth';

const doing = 'looking at what was updated';

/**
 * One statement can update a row several times: two foreign keys each set one of its columns, a trigger updates it once more. What
 * is kept is the value before the first time and the one after the last. A statement within a trigger comes after the one whose
 * trigger it is; of the same depth they follow one another as they were written. Only by a key that stays: without one, or where
 * it is updated too, nothing says that two records are of one row.
 */
export async function mergeUpdates(
  session: Session,
  data: DataTable,
  columns: readonly UpdatedPlaces[],
): Promise<void> {
  const keys = columns.filter(({ isKey }) => isKey);
  const names = keys.map(({ before }) => before).join(', ');
  const changedKeys = keys.map(({ before, after }) => differs([before], [after])).join(' OR ');
  const several = `SELECT ${names} FROM ${data.sql} GROUP BY ${names} HAVING count(*) > 1`;
  const { isNeeded } = await session.queryOne<{ isNeeded: boolean }>(
    `SELECT EXISTS (${several}) AND NOT EXISTS (SELECT FROM ${data.sql} WHERE ${changedKeys}) AS "isNeeded"`,
    [],
    doing,
  );
  if (!isNeeded) return;
  const twice = dataTableSql(`${data.name}_several`);
  const run = (sql: string) => session.execute(sql, doing);
  await run(`CREATE TABLE ${twice.sql} AS
    SELECT row_number() OVER (ORDER BY d.${depthColumn}, d.ctid) AS n, d.* FROM ${data.sql} AS d WHERE (${names}) IN (${several})`);
  await run(`CREATE INDEX ON ${twice.sql} (${names}, n)`);
  await run(`ANALYZE ${twice.sql}`);
  const same = (one: string, other: string) =>
    keys.map(({ before }) => `${one}.${before} = ${other}.${before}`).join(' AND ');
  await run(
    `DELETE FROM ${data.sql} AS d WHERE EXISTS (SELECT FROM ${twice.sql} AS s WHERE ${same('s', 'd')})`,
  );
  await run(mergeSql(data, twice.sql, columns, same('s', 'm')));
  await dropTable(session, twice);
  const all = columns.filter(({ isKey }) => !isKey);
  const isSame = `NOT (${differs(
    all.map(({ before }) => before),
    all.map(({ after }) => after),
  )})`;
  await run(`DELETE FROM ${data.sql} WHERE ${isSame}`);
}

function mergeSql(
  { sql }: DataTable,
  several: string,
  columns: readonly UpdatedPlaces[],
  isSame: string,
): string {
  const keys = columns.filter(({ isKey }) => isKey).map(({ before }) => before);
  const values = columns.flatMap(({ isKey, before, after }) => {
    if (isKey) return [`m.${before}`, `m.${before}`];
    const find = (name: string, direction: string) =>
      `(SELECT s.${name} FROM ${several} AS s WHERE ${isSame} AND ${differs([`s.${before}`], [`s.${after}`])} ORDER BY s.n ${direction} LIMIT 1)`;
    return [find(before, 'ASC'), find(after, 'DESC')];
  });
  const names = columns.flatMap(({ before, after }) => [before, after]);
  return `INSERT INTO ${sql} (${names.join(', ')}, ${depthColumn})
    SELECT ${values.join(', ')}, 0 FROM (SELECT DISTINCT ${keys.join(', ')} FROM ${several}) AS m`;
}
