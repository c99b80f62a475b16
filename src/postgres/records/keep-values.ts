import type { KeptColumn } from '../../domain/record-backup.js';
import { quoteIdentifier, type Session } from '../session.js';
import {
  createFrom,
  type DataTable,
  dataTableSql,
  doingFor,
  dropTable,
  type Keeping,
  type KeptStatement,
  lockAgainstWriters,
  newDataTable,
  ownRows,
  registered,
  sequenceValues,
  withAllRows,
} from './keeping.js';
import {
  afterName,
  differs,
  hasValue,
  type Identity,
  identify,
  keptColumn,
  keyName,
  selectStored,
  storedValue,
} from './kept-columns.js';
import type { KeptTable, TableColumn } from './kept-table.js';
import { readKeptTables } from './kept-table.js';

/** A column whose values a statement takes away or changes. */
export interface LostColumn {
  readonly table: KeptTable;
  readonly column: TableColumn;
  /** Numbers of all columns of the table that the statement takes away, this one included. */
  readonly gone: ReadonlySet<number>;
  /** Numbers of those whose type it changes. */
  readonly converted: ReadonlySet<number>;
}

const keyColumns = (identity: Identity): KeptColumn[] =>
  identity.columns.map((column, index) =>
    keptColumn(column, { before: keyName(index), isKey: true }),
  );

/**
 * Keeps the values of a column that goes. NULLs too where a column that is made again would fill itself: else its default
 * would come to stand where nothing was.
 */
export async function keepColumn(statement: KeptStatement, lost: LostColumn): Promise<Keeping> {
  const { session } = statement;
  const { table, column } = lost;
  await lockAgainstWriters(session, table);
  const data = await newDataTable(session);
  const identity = identify(table, new Set([...lost.gone, ...lost.converted]));
  const stored = [
    ...selectStored(identity.columns, 't', keyName),
    `${storedValue(column, 't')} AS v1`,
  ];
  const where = column.fillsItself ? '' : ` WHERE ${hasValue(column, 't')}`;
  const rows = await withAllRows(session, table, () =>
    createFrom(
      session,
      data,
      `SELECT ${stored.join(', ')} FROM ${ownRows(table)} AS t${where}`,
      doingFor(table),
    ),
  );
  const values = column.fillsItself ? await countValues(session, data) : rows;
  const finish: Keeping['finish'] = async () => {
    if (await isThere(session, lost)) {
      await dropTable(session, data);
      return null;
    }
    const columns = [...keyColumns(identity), keptColumn(column, { before: 'v1', isKey: false })];
    return {
      ...registered(statement, table, data),
      ...{ columnName: column.name, kind: 'column', identity: identity.kind, columns },
      ...{ rows, values, sequences: sequenceValues(table, column.number) },
    };
  };
  return { table, kind: 'column', columnName: column.name, id: data.id, hasTrigger: false, finish };
}

async function countValues(session: Session, { sql }: DataTable): Promise<number> {
  const { count } = await session.queryOne<{ count: string }>(
    `SELECT count(v1)::text AS count FROM ${sql}`,
  );
  return Number(count);
}

/** An inheritor may have the column of its own: then it stays. */
async function isThere(session: Session, { table, column }: LostColumn): Promise<boolean> {
  const rows = await session.query(
    `SELECT FROM pg_attribute WHERE attrelid = $1 AND attnum = $2 AND NOT attisdropped`,
    [table.oid, column.number],
  );
  return rows.length > 0;
}

/**
 * Keeps the values of a column whose type changes, and after the statement what it made of them. Where no key stays as it is, rows
 * are paired by their order: a table that is written anew is read from its beginning and written in that order.
 */
export async function keepConversion(statement: KeptStatement, lost: LostColumn): Promise<Keeping> {
  const { session } = statement;
  const { table, column } = lost;
  await lockAgainstWriters(session, table);
  const data = await newDataTable(session);
  const pairing = planPairing(lost);
  const { identity, value, isKeyed } = pairing;
  const stored = selectStored(identity.columns, 't', keyName);
  if (value === ownValue) stored.push(`${storedValue(column, 't')} AS ${ownValue}`);
  const from = `FROM ${ownRows(table)} AS t`;
  const query = isKeyed
    ? `SELECT ${stored.join(', ')} ${from} WHERE ${hasValue(column, 't')}`
    : `SELECT * FROM (SELECT row_number() OVER () AS n, ${stored.join(', ')} ${from}) AS t WHERE t.${value} IS DISTINCT FROM NULL`;
  const order = isKeyed ? undefined : await readInOrder(session);
  await withAllRows(session, table, () => createFrom(session, data, query, doingFor(table)));
  const finish: Keeping['finish'] = async () => {
    const [now] = await readKeptTables(session, [table.oid]);
    const paired = now ? await pairWithAfter(session, now, data, pairing) : null;
    await order?.putBack();
    if (!paired) {
      await dropTable(session, data);
      return null;
    }
    const { columns, rows } = paired;
    return {
      ...registered(statement, table, data),
      ...{ columnName: column.name, kind: 'conversion', identity: identity.kind, columns },
      ...{ rows, values: rows, sequences: {} },
    };
  };
  return {
    table,
    kind: 'conversion',
    columnName: column.name,
    id: data.id,
    hasTrigger: false,
    finish,
  };
}

const ownValue = 'v1';

/** How values before and after a conversion are brought together. */
interface Pairing {
  readonly lost: LostColumn;
  readonly identity: Identity;
  /** By a key that stays as it is; else by order. */
  readonly isKeyed: boolean;
  /** Column of the backup with the value before: one of its own, or that of a key. */
  readonly value: string;
}

function planPairing(lost: LostColumn): Pairing {
  const { table, column, gone, converted } = lost;
  const sure = identify(table, new Set([...gone, ...converted]));
  const isKeyed = sure.kind !== 'whole-row';
  const identity = isKeyed ? sure : identify(table, gone);
  const place = identity.columns.indexOf(column);
  return { lost, identity, isKeyed, value: place < 0 ? ownValue : keyName(place) };
}

/** Writes the backup anew with the values after the statement beside those before. Null: the column is gone. */
async function pairWithAfter(
  session: Session,
  now: KeptTable,
  data: DataTable,
  pairing: Pairing,
): Promise<{ columns: readonly KeptColumn[]; rows: number } | null> {
  const { lost, identity, value } = pairing;
  const present = new Map(now.columns.map((each) => [each.number, each]));
  const stored = identity.columns.map((column, index) => ({ column, name: keyName(index) }));
  if (value === ownValue) stored.push({ column: lost.column, name: ownValue });
  const isChanged = ({ column }: { column: TableColumn }) => lost.converted.has(column.number);
  const read = stored.flatMap((each) => {
    const column = present.get(each.column.number);
    const name = isChanged(each) ? afterName(each.name) : each.name;
    return column ? [{ sql: `${storedValue(column, 't')} AS ${name}`, name, each }] : [];
  });
  if (!read.some(({ each }) => each.column === lost.column)) return null;
  const same = read.filter(({ each }) => !isChanged(each)).map(({ name }) => name);
  const afters = read.filter(({ each }) => isChanged(each)).map(({ name }) => `a.${name}`);
  const numbered = pairing.isKeyed ? [] : ['row_number() OVER () AS n'];
  const next = dataTableSql(`${data.name}_next`);
  const rows = await withAllRows(session, now, () =>
    createFrom(
      session,
      next,
      `SELECT ${[...stored.map(({ name }) => `b.${name}`), ...afters].join(', ')} FROM ${data.sql} AS b
         LEFT JOIN (SELECT ${[...numbered, ...read.map(({ sql }) => sql)].join(', ')} FROM ${ownRows(now)} AS t) AS a
           ON ${pairedOn(same, pairing.isKeyed)}`,
      doingFor(now),
    ),
  );
  await dropTable(session, data);
  await session.execute(`ALTER TABLE ${next.sql} RENAME TO ${quoteIdentifier(data.name)}`, doing);
  const columns = stored.map((each, index) =>
    keptColumn(each.column, {
      ...{ before: each.name, isKey: index < identity.columns.length },
      after: isChanged(each) ? afterName(each.name) : null,
    }),
  );
  return { columns, rows };
}

const doing = 'keeping what a conversion has changed';

/** By order only where all else is the same: what is not the same row is not taken for one. */
function pairedOn(same: readonly string[], isKeyed: boolean): string {
  const [now, before] = [same.map((name) => `a.${name}`), same.map((name) => `b.${name}`)];
  if (isKeyed) return now.map((name, index) => `${name} = ${before[index]}`).join(' AND ');
  return `a.n = b.n${same.length > 0 ? ` AND NOT (${differs(now, before)})` : ''}`;
}

/**
 * Until it is put back, tables are read from their beginning to their end, by one process; by the statement, too. Several of one
 * statement are put back in the opposite order.
 */
async function readInOrder(session: Session): Promise<{ putBack(): Promise<void> }> {
  const own = { synchronize_seqscans: 'off', max_parallel_workers_per_gather: '0' };
  const names = Object.keys(own) as (keyof typeof own)[];
  const before = await session.queryOne<Record<string, string>>(
    `SELECT ${names.map((name) => `current_setting('${name}') AS ${name}`).join(', ')}`,
  );
  const set = async (values: Readonly<Record<string, string>>) => {
    for (const [name, value] of Object.entries(values)) {
      await session.query('SELECT set_config($1, $2, true)', [name, value]);
    }
  };
  await set(own);
  return { putBack: () => set(before) };
}
