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
 * One statement can update a row several times: two foreign keys each set one of its columns, a key is updated and with it the
 * reference of the row to itself, a trigger updates it once more. What is kept is the value before the first time and the one
 * after the last. A statement within a trigger comes after the one whose trigger it is; else records follow one another as they
 * were written. As the key is unique at every moment, it says whose record the next one is, also where it changes on the way. (With triggers that
 * update keys within triggers that do, that order may be another one.)
 */
export async function mergeUpdates(
  session: Session,
  data: DataTable,
  columns: readonly UpdatedPlaces[],
): Promise<void> {
  const keys = columns.filter(({ isKey }) => isKey);
  const meeting = keysThatMeet(data, keys);
  const { isNeeded } = await session.queryOne<{ isNeeded: boolean }>(
    `SELECT EXISTS (${meeting}) AS "isNeeded"`,
    [],
    doing,
  );
  if (!isNeeded) return;
  const [records, chains, next] = ['records', 'chains', 'next'].map((name) =>
    dataTableSql(`${data.name}_${name}`),
  ) as [Sql, Sql, Sql];
  const index = (table: Sql, list: string) =>
    session.execute(`CREATE INDEX ON ${table.sql} (${list}); ANALYZE ${table.sql}`, doing);
  await createFrom(session, records, recordsSql(data, keys, meeting), doing);
  await index(records, `${list(keys, 'after')}, n`);
  await createFrom(session, chains, chainsSql(records, keys), doing);
  await index(chains, 'first, n');
  // Written anew: where all tables are published, PostgreSQL refuses to delete from one without a key.
  await createFrom(session, next, mergedSql(data, chains, columns), doing);
  for (const table of [records, chains, data]) await dropTable(session, table);
  await session.execute(`ALTER TABLE ${next.sql} RENAME TO ${quoteIdentifier(data.name)}`, doing);
}

type Sql = Pick<DataTable, 'name' | 'sql'>;

const list = (keys: readonly UpdatedPlaces[], which: 'before' | 'after', row?: string): string =>
  keys.map((key) => (row ? `${row}.${key[which]}` : key[which])).join(', ');

/** Keys that more than one record has, before or after. */
function keysThatMeet({ sql }: Sql, keys: readonly UpdatedPlaces[]): string {
  const isMoved = differs(
    keys.map(({ before }) => before),
    keys.map(({ after }) => after),
  );
  return `SELECT ${list(keys, 'before')} FROM (
      SELECT ${list(keys, 'before')} FROM ${sql} UNION ALL SELECT ${list(keys, 'after')} FROM ${sql} WHERE ${isMoved}) AS k
    GROUP BY ${list(keys, 'before')} HAVING count(*) > 1`;
}

/** The records that have such a key, numbered as they came to be. */
function recordsSql({ sql }: Sql, keys: readonly UpdatedPlaces[], meeting: string): string {
  return `WITH meeting AS MATERIALIZED (${meeting})
    SELECT row_number() OVER (ORDER BY d.${depthColumn}, d.ctid) AS n, d.ctid AS place, d.* FROM ${sql} AS d
     WHERE (${list(keys, 'before', 'd')}) IN (SELECT * FROM meeting) OR (${list(keys, 'after', 'd')}) IN (SELECT * FROM meeting)`;
}

/** The same with the number of the row's first record: the one before it is the last that left the row with its key. */
function chainsSql({ sql }: Sql, keys: readonly UpdatedPlaces[]): string {
  const isSame = keys.map(({ before, after }) => `p.${after} = r.${before}`).join(' AND ');
  return `WITH RECURSIVE linked AS MATERIALIZED (
      SELECT r.n, (SELECT p.n FROM ${sql} AS p WHERE ${isSame} AND p.n < r.n ORDER BY p.n DESC LIMIT 1) AS previous
        FROM ${sql} AS r),
    chain (n, first) AS (
      SELECT l.n, l.n FROM linked AS l WHERE l.previous IS NULL
      UNION ALL SELECT l.n, c.first FROM chain AS c JOIN linked AS l ON l.previous = c.n)
    SELECT c.first, r.* FROM chain AS c JOIN ${sql} AS r USING (n)`;
}

/**
 * A row's first value is the one that was left once more often than it was come to, the last one the opposite: that holds in
 * whatever order triggers within triggers have written their records. Where there is none, the row came back to what it was.
 */
function endOf(chains: Sql, { before, after }: UpdatedPlaces, end: 'before' | 'after'): string {
  const same = (row: string, column: string) =>
    `(SELECT count(*) FROM ${chains.sql} AS ${row} WHERE ${row}.first = m.first AND NOT (${differs([`${row}.${column}`], [`s.${end === 'before' ? before : after}`])})
        AND ${differs([`${row}.${before}`], [`${row}.${after}`])})`;
  const [left, reached] = [same('l', before), same('r', after)];
  return `(SELECT s.${end === 'before' ? before : after} FROM ${chains.sql} AS s
            WHERE s.first = m.first AND ${differs([`s.${before}`], [`s.${after}`])}
              AND ${end === 'before' ? `${left} > ${reached}` : `${reached} > ${left}`} LIMIT 1)`;
}

function mergedSql({ sql }: Sql, chains: Sql, columns: readonly UpdatedPlaces[]): string {
  const merged = columns.flatMap((column) => {
    const { isKey, before, after } = column;
    const ends = [endOf(chains, column, 'before'), endOf(chains, column, 'after')];
    // A key that did not change has no other value, but it is wanted all the same.
    const any = `(SELECT s.${before} FROM ${chains.sql} AS s WHERE s.first = m.first ORDER BY s.n LIMIT 1)`;
    const values = isKey ? ends.map((value) => `coalesce(${value}, ${any})`) : ends;
    return [`${values[0]} AS ${before}`, `${values[1]} AS ${after}`];
  });
  const names = columns.flatMap(({ before, after }) => [before, after]);
  const isChanged = differs(
    columns.map(({ before }) => `u.${before}`),
    columns.map(({ after }) => `u.${after}`),
  );
  return `SELECT ${names.map((name) => `d.${name}`).join(', ')}, d.${depthColumn} FROM ${sql} AS d
     WHERE d.ctid NOT IN (SELECT s.place FROM ${chains.sql} AS s)
    UNION ALL
    SELECT u.*, 0 FROM (SELECT ${merged.join(', ')} FROM (SELECT DISTINCT first FROM ${chains.sql}) AS m) AS u
     WHERE ${isChanged}`;
}
