import type { KeptColumn } from '../../domain/record-backup.js';
import { quoteIdentifier, type Session } from '../session.js';
import {
  createFrom,
  type DataTable,
  doingFor,
  forceRowSecurity,
  type Keeping,
  type KeptStatement,
  newDataTable,
  ownRows,
  registered,
  sequenceValues,
} from './keeping.js';
import {
  afterName,
  differs,
  identify,
  keptColumn,
  keyName,
  plainColumns,
  selectStored,
  storedValue,
  valueName,
  wholeRows,
} from './kept-columns.js';
import type { KeptTable, TableColumn } from './kept-table.js';
import { depthColumn, mergeUpdates, type UpdatedPlaces } from './merge-updates.js';
import { addTrigger, type RowTrigger, retireTrigger } from './row-trigger.js';

export type RowEvent = RowTrigger['event'];

export interface TouchedTable {
  readonly table: KeptTable;
  readonly event: RowEvent;
  /**
   * A statement on a table that others inherit from hands over their rows cut down to its own columns: there each row is kept by
   * itself, in the backup of the table in which it lies.
   */
  readonly forEachRow: boolean;
}

/**
 * Keeps exactly the rows that a statement touches, whatever its condition, its joins, foreign keys and triggers
 * make of it: a trigger of the server's own hands them over.
 */
export async function keepRows(statement: KeptStatement, touched: TouchedTable): Promise<Keeping> {
  const { event } = touched;
  return event === 'UPDATE' ? keepUpdated(statement, touched) : keepRemoved(statement, touched);
}

async function keepRemoved(statement: KeptStatement, touched: TouchedTable): Promise<Keeping> {
  const { session } = statement;
  const { table, event } = touched;
  const data = await newDataTable(session);
  const { identity, columns, kept } = wholeRows(table);
  await createEmpty(session, data, table, selectStored(columns, 't', valueName));
  const values = (row: string) => columns.map((column) => storedValue(column, row)).join(', ');
  const into = `INSERT INTO ${data.sql}`;
  const trigger = { data, table, event, forEachRow: touched.forEachRow, columns };
  if (event === 'TRUNCATE') {
    // Row-level security does not apply to TRUNCATE, but to the reading of what goes.
    if (table.hidesRows) await forceRowSecurity(session, table, false);
    const body = `${into} SELECT ${values('t')} FROM ${ownRows(table)} AS t`;
    await addTrigger(session, { ...trigger, forEachRow: false, body });
  } else {
    const body = touched.forEachRow
      ? `${into} SELECT ${values('old')}`
      : `${into} SELECT ${values('o')} FROM belay_old AS o`;
    await addTrigger(session, { ...trigger, body });
  }
  const finish: Keeping['finish'] = async () => {
    await retireTrigger(session, data);
    if (event === 'TRUNCATE' && table.hidesRows) await forceRowSecurity(session, table, true);
    const rows = await countRows(session, data);
    const isTruncated = event === 'TRUNCATE';
    return {
      ...registered(statement, table, data),
      ...{ columnName: null, kind: isTruncated ? 'truncate' : 'delete' },
      ...{ identity: identity.kind, columns: kept, rows, values: 0 },
      // RESTART IDENTITY would have them begin again.
      sequences: isTruncated ? sequenceValues(table) : {},
    };
  };
  const kind = event === 'TRUNCATE' ? 'truncate' : 'delete';
  return { table, kind, columnName: null, id: data.id, hasTrigger: true, finish };
}

async function countRows(session: Session, { sql }: DataTable): Promise<number> {
  const { rows } = await session.queryOne<{ rows: string }>(
    `SELECT count(*)::text AS rows FROM ${sql}`,
  );
  return Number(rows);
}

async function createEmpty(
  session: Session,
  data: DataTable,
  table: KeptTable,
  columns: readonly string[],
): Promise<void> {
  // A table whose columns are all computed has rows too.
  const list = columns.join(', ');
  await createFrom(
    session,
    data,
    `SELECT ${list} FROM ${ownRows(table)} AS t WITH NO DATA`,
    doingFor(table),
  );
}

/** A column of an updated table and where its values go. */
interface Updated extends UpdatedPlaces {
  readonly column: TableColumn;
}

function updatedColumns(table: KeptTable): {
  identity: ReturnType<typeof identify>;
  columns: readonly Updated[];
} {
  const identity = identify(table);
  const columns = plainColumns(table).map((column, index) => {
    const key = identity.columns.indexOf(column);
    const before = key < 0 ? valueName(index) : keyName(key);
    return { column, isKey: key >= 0, before, after: afterName(before) };
  });
  return { identity, columns };
}

async function keepUpdated(statement: KeptStatement, touched: TouchedTable): Promise<Keeping> {
  const { session } = statement;
  const { table, forEachRow } = touched;
  const data = await newDataTable(session);
  const { identity, columns } = updatedColumns(table);
  await createEmpty(session, data, table, [
    ...columns.flatMap(({ column, before, after }) => {
      const stored = storedValue(column, 't');
      return [`${stored} AS ${before}`, `${stored} AS ${after}`];
    }),
    `0 AS ${depthColumn}`,
  ]);
  const body = forEachRow ? eachUpdatedRow(data, columns) : updatedRows(data, columns);
  const listed = columns.map(({ column }) => column);
  await addTrigger(session, { data, table, event: 'UPDATE', forEachRow, columns: listed, body });
  const finish: Keeping['finish'] = async () => {
    await retireTrigger(session, data);
    if (identity.kind !== 'whole-row') await mergeUpdates(session, data, columns);
    const { rows, values, kept } = await removeUnchanged(session, data, columns);
    return {
      ...registered(statement, table, data),
      ...{ columnName: null, kind: 'update', identity: identity.kind, columns: kept },
      ...{ rows, values, sequences: {} },
    };
  };
  return { table, kind: 'update', columnName: null, id: data.id, hasTrigger: true, finish };
}

/** Of values that are no key only those that changed: else a wide table would be written twice for one column. */
function pairOf({ isKey }: Updated, before: string, after: string): string {
  if (isKey) return `${before}, ${after}`;
  const changed = differs([before], [after]);
  return `CASE WHEN ${changed} THEN ${before} END, CASE WHEN ${changed} THEN ${after} END`;
}

const names = (columns: readonly Updated[]): string =>
  [...columns.flatMap(({ before, after }) => [before, after]), depthColumn].join(', ');

const depth = 'pg_catalog.pg_trigger_depth()';

function eachUpdatedRow({ sql }: DataTable, columns: readonly Updated[]): string {
  const stored = (row: string) => columns.map(({ column }) => storedValue(column, row));
  const [before, after] = [stored('old'), stored('new')];
  const pairs = columns.map((column, index) =>
    pairOf(column, before[index] as string, after[index] as string),
  );
  return `INSERT INTO ${sql} (${names(columns)}) SELECT ${pairs.join(', ')}, ${depth} WHERE ${differs(before, after)}`;
}

/**
 * Old and new rows are paired by their order. The server puts each row's old version into the one transition table and its
 * new version into the other at the same moment, also where the row moves to another partition, and both are read in
 * the order in which they were filled; the key may be what was updated. Where a trigger has swallowed a row on its way to another
 * partition there are fewer new ones than old ones: then nothing could be told, and the migration ends.
 */
function updatedRows({ sql }: DataTable, columns: readonly Updated[]): string {
  const numbered = (table: string, row: string) => {
    const stored = columns.map(({ column }, index) => `${storedValue(column, row)} AS c${index}`);
    return `(SELECT ${['row_number() OVER () AS n', ...stored].join(', ')} FROM ${table} AS ${row})`;
  };
  const list = (row: string) => columns.map((_, index) => `${row}.c${index}`);
  const pairs = columns.map((column, index) => pairOf(column, `o.c${index}`, `n.c${index}`));
  return `
    IF (SELECT count(*) FROM belay_old) <> (SELECT count(*) FROM belay_new) THEN
      RAISE EXCEPTION 'rows were lost between two partitions, so that old and new ones cannot be told apart for a record backup'
        USING HINT = 'A trigger on a partition returns NULL. Back up to files instead.';
    END IF;
    INSERT INTO ${sql} (${names(columns)})
    SELECT ${pairs.join(', ')}, ${depth}
      FROM ${numbered('belay_old', 'o')} AS o JOIN ${numbered('belay_new', 'n')} AS n ON n.n = o.n
     WHERE ${differs(list('o'), list('n'))}`;
}

/** Takes away the columns of the backup in which nothing changed: that costs nothing but the look. */
async function removeUnchanged(
  session: Session,
  { sql }: DataTable,
  columns: readonly Updated[],
): Promise<{ rows: number; values: number; kept: KeptColumn[] }> {
  const changed = columns.map(({ before, after }) => differs([`t.${before}`], [`t.${after}`]));
  const lost = columns.map(
    ({ before }, index) => `count(t.${before}) FILTER (WHERE ${changed[index]})`,
  );
  const counts = changed.map((condition) => `count(*) FILTER (WHERE ${condition})`);
  const doing = 'looking at what was updated';
  const found = await session.queryOne<{ rows: string; counts: string[]; lost: string[] }>(
    `SELECT count(*)::text AS rows, ARRAY[${counts.join(', ')}]::text[] AS counts, ARRAY[${lost.join(', ')}]::text[] AS lost
       FROM ${sql} AS t`,
    [],
    doing,
  );
  const isChanged = columns.map((_, index) => found.counts[index] !== '0');
  const gone = columns.flatMap(({ isKey, before, after }, index) => {
    if (isChanged[index]) return [];
    return isKey ? [after] : [before, after];
  });
  const drops = [...gone, depthColumn].map((name) => `DROP COLUMN ${quoteIdentifier(name)}`);
  await session.execute(`ALTER TABLE ${sql} ${drops.join(', ')}`, doing);
  const kept = columns.flatMap(({ column, isKey, before, after }, index) => {
    if (isChanged[index]) return [keptColumn(column, { before, after, isKey })];
    return isKey ? [keptColumn(column, { before, isKey })] : [];
  });
  const values = found.lost.reduce((sum, count) => sum + Number(count), 0);
  return { rows: Number(found.rows), values, kept };
}
