import { quoteIdentifier, type Session } from '../session.js';
import { createFrom, type DataTable, dataTableSql, dropTable } from './keeping.js';
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
  const next = dataTableSql(`${data.name}_next`);
  await createFrom(
    session,
    twice,
    `SELECT row_number() OVER (ORDER BY d.${depthColumn}, d.ctid) AS n, d.* FROM ${data.sql} AS d WHERE (${names}) IN (${several})`,
    doing,
  );
  await session.execute(`CREATE INDEX ON ${twice.sql} (${names}, n); ANALYZE ${twice.sql}`, doing);
  // Written anew: where all tables are published, PostgreSQL refuses to delete from one without a key.
  await createFrom(session, next, mergeSql(data, twice.sql, columns), doing);
  await dropTable(session, twice);
  await dropTable(session, data);
  await session.execute(`ALTER TABLE ${next.sql} RENAME TO ${quoteIdentifier(data.name)}`, doing);
}

function mergeSql({ sql }: DataTable, several: string, columns: readonly UpdatedPlaces[]): string {
  const keys = columns.filter(({ isKey }) => isKey).map(({ before }) => before);
  const isSame = (one: string, other: string) =>
    keys.map((name) => `${one}.${name} = ${other}.${name}`).join(' AND ');
  const merged = columns.flatMap(({ isKey, before, after }) => {
    if (isKey) return [`m.${before} AS ${before}`, `m.${before} AS ${after}`];
    const find = (name: string, direction: string) =>
      `(SELECT s.${name} FROM ${several} AS s WHERE ${isSame('s', 'm')} AND ${differs([`s.${before}`], [`s.${after}`])}
         ORDER BY s.n ${direction} LIMIT 1) AS ${name}`;
    return [find(before, 'ASC'), find(after, 'DESC')];
  });
  const names = columns.flatMap(({ before, after }) => [before, after]);
  const values = columns.filter(({ isKey }) => !isKey);
  const isChanged = differs(
    values.map(({ before }) => `u.${before}`),
    values.map(({ after }) => `u.${after}`),
  );
  return `SELECT ${names.map((name) => `d.${name}`).join(', ')}, d.${depthColumn} FROM ${sql} AS d
     WHERE NOT EXISTS (SELECT FROM ${several} AS s WHERE ${isSame('s', 'd')})
    UNION ALL
    SELECT u.*, 0 FROM (SELECT ${merged.join(', ')} FROM (SELECT DISTINCT ${keys.join(', ')} FROM ${several}) AS m) AS u
     WHERE ${isChanged}`;
}
