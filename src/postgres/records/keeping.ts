import type { RecordBackupKind } from '../../domain/record-backup.js';
import { quoteIdentifier, type Session } from '../session.js';
import {
  dataTableName,
  type NewRecordBackup,
  recordSchema,
  takeRecordBackupId,
} from '../sql/record-backups.js';
import { displayName, type KeptTable } from './kept-table.js';

/** The statement whose records are kept. */
export interface KeptStatement {
  readonly session: Session;
  /** Of the migration. */
  readonly version: string;
  /** In the migration, from 1. */
  readonly number: number;
}

/** A backup that was begun before a statement. */
export interface Keeping {
  readonly table: KeptTable;
  readonly kind: RecordBackupKind;
  readonly columnName: string | null;
  readonly id: number;
  /** It has put a trigger on the table, to be removed before the commit. */
  readonly hasTrigger: boolean;
  /** After the statement. Null: it did not take the records away after all; nothing is kept. */
  finish(): Promise<NewRecordBackup | null>;
}

/** Where the records of a backup go. */
export interface DataTable {
  readonly id: number;
  readonly name: string;
  /** Qualified and quoted. */
  readonly sql: string;
}

export async function newDataTable(session: Session): Promise<DataTable> {
  const id = await takeRecordBackupId(session);
  const name = dataTableName(id);
  return { id, ...dataTableSql(name) };
}

export const dataTableSql = (name: string) => ({
  name,
  sql: `${recordSchema}.${quoteIdentifier(name)}`,
});

/** Of inheritance each table's own rows; a partitioned table has none but those of its partitions. */
export const ownRows = ({ sql, isPartitioned }: KeptTable): string =>
  isPartitioned ? sql : `ONLY ${sql}`;

export const doingFor = (table: KeptTable): string =>
  `keeping the records of ${displayName(table)}`;

/**
 * Makes a table of the backup out of a query. @returns its rows
 */
export async function createFrom(
  session: Session,
  { sql }: Pick<DataTable, 'sql'>,
  query: string,
  doing: string,
): Promise<number> {
  const rows = (await session.run(`CREATE TABLE ${sql} AS ${query}`, doing)) ?? 0;
  await closeToOthers(session, sql, doing);
  return rows;
}

/** Default privileges may have given it to others. Who owns the schema may read and remove what another role keeps there. */
async function closeToOthers(session: Session, sql: string, doing: string): Promise<void> {
  const { owner, isOther } = await session.queryOne<{ owner: string; isOther: boolean }>(
    `SELECT pg_get_userbyid(nspowner)::text AS owner, nspowner <> current_user::regrole AS "isOther"
       FROM pg_namespace WHERE nspname = $1`,
    [recordSchema],
    doing,
  );
  await session.execute(`REVOKE ALL ON ${sql} FROM PUBLIC`, doing);
  if (isOther) await session.execute(`GRANT ALL ON ${sql} TO ${quoteIdentifier(owner)}`, doing);
}

export async function dropTable(session: Session, { sql }: Pick<DataTable, 'sql'>): Promise<void> {
  await session.execute(`DROP TABLE ${sql}`, 'removing a record backup');
}

export async function dropDataTable(session: Session, { id }: { id: number }): Promise<void> {
  await dropTable(session, dataTableSql(dataTableName(id)));
}

/**
 * Keeps writers out between the copy and the statement: what they would write in between would be lost without a backup. Readers
 * go on.
 */
export async function lockAgainstWriters(session: Session, table: KeptTable): Promise<void> {
  await session.execute(
    `LOCK TABLE ${ownRows(table)} IN SHARE ROW EXCLUSIVE MODE`,
    doingFor(table),
  );
}

/**
 * Reads a table whose owner has forced row-level security upon itself: without this the read fails, as it should, rather than
 * giving half of the rows. In the transaction, so nobody else ever sees it lifted.
 */
export async function withAllRows<T>(
  session: Session,
  table: KeptTable,
  work: () => Promise<T>,
): Promise<T> {
  if (!table.hidesRows) return work();
  await forceRowSecurity(session, table, false);
  const result = await work();
  await forceRowSecurity(session, table, true);
  return result;
}

export async function forceRowSecurity(
  session: Session,
  table: KeptTable,
  force: boolean,
): Promise<void> {
  const sql = `ALTER TABLE ${ownRows(table)} ${force ? '' : 'NO '}FORCE ROW LEVEL SECURITY`;
  await session.execute(sql, doingFor(table));
}

/** What every backup's row in the registry has. */
export function registered(
  { version, number }: KeptStatement,
  table: KeptTable,
  { id, name }: DataTable,
): Pick<
  NewRecordBackup,
  'id' | 'migrationVersion' | 'statement' | 'tableSchema' | 'tableName' | 'tableOid' | 'dataTable'
> {
  return {
    ...{ id, migrationVersion: version, statement: number, dataTable: name },
    ...{ tableSchema: table.schema, tableName: table.name, tableOid: table.oid },
  };
}

/** Last values of the table's sequences, of one column's where it is named. */
export function sequenceValues(
  { sequences }: KeptTable,
  column?: number,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    sequences
      .filter((each) => each.value !== null && (column === undefined || each.column === column))
      .map(({ name, value }) => [name, value as string]),
  );
}
