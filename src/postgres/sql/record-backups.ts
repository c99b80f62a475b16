import { historySchemaFormat, historySchemaMark } from '../../domain/history.js';
import { type RecordBackup, recordBackupFormat } from '../../domain/record-backup.js';
import { BelayError } from '../../errors.js';
import { quoteIdentifier, type Session } from '../session.js';
import { createHistorySchema, mayCreateSchema } from './history.js';
import { backedUpRecordsSql } from './record-backups-view.js';

/** The schema of the target's database in which record backups lie, together with the history. */
export const recordSchema = 'belay';

const doing = 'reading the record backups';
const writing = 'writing the record backups';

/** What there is of the place for record backups, and what the session's role may do with it. */
interface RecordPlace {
  readonly comment: string | null;
  readonly owner: string;
  readonly hasRegistry: boolean;
  readonly mayUse: boolean;
  readonly mayCreate: boolean;
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
}

async function findPlace(session: Session): Promise<RecordPlace | undefined> {
  const may = (rights: string) =>
    `has_schema_privilege(n.oid, 'USAGE') AND coalesce(${rights
      .split(' ')
      .map((right) => `has_table_privilege(r.oid, '${right}')`)
      .join(' AND ')}, true)`;
  const [found] = await session.query<RecordPlace>(
    `SELECT pg_catalog.obj_description(n.oid, 'pg_namespace') AS comment,
            pg_catalog.pg_get_userbyid(n.nspowner)::text AS owner, r.oid IS NOT NULL AS "hasRegistry",
            has_schema_privilege(n.oid, 'USAGE') AS "mayUse", has_schema_privilege(n.oid, 'CREATE') AS "mayCreate",
            ${may('SELECT')} AS "mayRead", ${may('SELECT INSERT UPDATE DELETE')} AS "mayWrite"
       FROM pg_catalog.pg_namespace n
       LEFT JOIN pg_catalog.pg_class r ON r.relnamespace = n.oid AND r.relname = 'record_backups'
      WHERE n.nspname = $1`,
    [recordSchema],
    doing,
  );
  if (found) checkMark(found.comment);
  return found;
}

function checkMark(comment: string | null): void {
  const format = historySchemaFormat(comment);
  const place = `schema "${recordSchema}"`;
  if (format === undefined) {
    throw new BelayError('SCHEMA_TAKEN', `the ${place} is not Belay's: it has no mark of it`, {
      hint: 'Record backups are kept in it. Rename that schema, or back up to files.',
    });
  }
  if (format > recordBackupFormat) throw newerFormat(`the ${place} was`);
}

function newerFormat(what: string): BelayError {
  return new BelayError('NEWER_FORMAT', `${what} made by a newer Belay`, {
    hint: 'Use that version of Belay, or a later one.',
  });
}

/** An identity column's own sequence gives numbers that no failed attempt gives again. */
const registrySql = `
  CREATE TABLE belay.record_backups (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    format integer NOT NULL,
    migration_version text NOT NULL,
    statement integer NOT NULL,
    table_schema text NOT NULL,
    table_name text NOT NULL,
    table_oid oid NOT NULL,
    registry_oid oid NOT NULL,
    column_name text,
    row_id text,
    row_identity text NOT NULL,
    snapshot_type text NOT NULL,
    columns json NOT NULL,
    data_table text,
    "rows" bigint NOT NULL,
    "values" bigint NOT NULL,
    sequences json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    restored_at timestamptz);
  COMMENT ON TABLE belay.record_backups IS
    'Rows and values that migrations removed, kept by Belay: one row a backup, the records are in data_table';
  REVOKE ALL ON belay.record_backups FROM PUBLIC;
  ${backedUpRecordsSql}`;

/**
 * Makes the place for record backups where there is none, for the session's role alone. Part of the transaction around
 * it: it goes again where the migration fails. Asked for before it is tried: a refused statement would end the transaction.
 * @throws BelayError PERMISSION_DENIED, SCHEMA_TAKEN, NEWER_FORMAT
 */
export async function ensureRecordBackups(session: Session): Promise<void> {
  const place = await findPlace(session);
  checkRights(session, place, !place && !(await mayCreateSchema(session)));
  // The history's tables come along: half a schema would be taken for a damaged one.
  if (!place) await createHistorySchema(session, recordSchema, historySchemaMark);
  if (!place?.hasRegistry) await session.execute(registrySql, 'creating the registry of backups');
}

/**
 * Whether the session's role may keep records, before anything is run. Changes nothing.
 * @throws BelayError as {@link ensureRecordBackups}
 */
export async function checkRecordBackups(session: Session): Promise<void> {
  const place = await findPlace(session);
  checkRights(session, place, !place && !(await mayCreateSchema(session)));
}

function checkRights(session: Session, place: RecordPlace | undefined, mayNotMake: boolean): void {
  const denied = (what: string, hint: string) =>
    new BelayError('PERMISSION_DENIED', what, { hint: `${hint}, or back up to files.` });
  if (mayNotMake) {
    throw denied(
      `the role may not create the schema "${recordSchema}", in which record backups are kept`,
      `GRANT CREATE ON DATABASE ${quoteIdentifier(session.database)} to it`,
    );
  }
  if (!place || (place.mayUse && place.mayCreate && place.mayWrite)) return;
  throw denied(
    `the role may not keep record backups in the schema "${recordSchema}"`,
    `Its owner "${place.owner}" can GRANT USAGE, CREATE ON SCHEMA ${recordSchema} and ALL ON ${recordSchema}.record_backups to it`,
  );
}

/** A number for a backup; its records go to the table {@link dataTableName}. */
export async function takeRecordBackupId(session: Session): Promise<number> {
  const { id } = await session.queryOne<{ id: string }>(
    `SELECT pg_catalog.nextval(pg_catalog.pg_get_serial_sequence('belay.record_backups', 'id')) AS id`,
    [],
    writing,
  );
  return Number(id);
}

export const dataTableName = (id: number): string => `backup_${id}`;

/** What is written of a new backup. */
export type NewRecordBackup = Omit<RecordBackup, 'createdAt' | 'restoredAt'>;

/** Names of the columns by which a row is found again, as SQL; null where that takes all of them. */
function rowIdOf({ identity, columns }: NewRecordBackup): string | null {
  if (identity === 'whole-row') return null;
  const keys = columns.filter(({ isKey }) => isKey);
  return keys.map(({ name }) => sqlName(name)).join(', ');
}

const sqlName = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);

/** A database that was restored from a dump has other identities: the registry's own tells it. */
const registryOid = `'belay.record_backups'::pg_catalog.regclass::pg_catalog.oid`;

export async function insertRecordBackup(session: Session, backup: NewRecordBackup): Promise<void> {
  await session.query(
    `INSERT INTO belay.record_backups
            (id, format, migration_version, statement, table_schema, table_name, table_oid, registry_oid, column_name, row_id,
             row_identity, snapshot_type, columns, data_table, "rows", "values", sequences)
     OVERRIDING SYSTEM VALUE
     VALUES ($1, $2, $3, $4, $5, $6, $7, ${registryOid}, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
    [
      ...[backup.id, recordBackupFormat, backup.migrationVersion, backup.statement],
      ...[backup.tableSchema, backup.tableName, backup.tableOid, backup.columnName],
      ...[rowIdOf(backup), backup.identity, backup.kind, JSON.stringify(backup.columns)],
      ...[backup.dataTable, backup.rows, backup.values, JSON.stringify(backup.sequences)],
    ],
    writing,
  );
}

type Row = Omit<RecordBackup, 'id' | 'tableOid' | 'rows' | 'values'> & {
  readonly id: string;
  readonly format: number;
  readonly tableOid: string;
  readonly rows: string;
  readonly values: string;
};

const isoTime = (column: string) =>
  `pg_catalog.to_char(b.${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

export interface RecordBackupFilter {
  /** Only those of these migrations; default: all. */
  readonly versions?: readonly string[] | undefined;
  readonly ids?: readonly number[] | undefined;
}

/**
 * The backups that the database holds, in the order in which they were made; none where there is no registry. Within one
 * statement, too, the later one is put back first.
 * @throws BelayError NEWER_FORMAT, SCHEMA_TAKEN, PERMISSION_DENIED
 */
export async function readRecordBackups(
  session: Session,
  { versions, ids }: RecordBackupFilter = {},
): Promise<RecordBackup[]> {
  const place = await findPlace(session);
  if (!place?.hasRegistry) return [];
  if (!place.mayRead) {
    throw new BelayError('PERMISSION_DENIED', 'the role may not read the record backups', {
      hint: `Their owner "${place.owner}" can GRANT USAGE ON SCHEMA ${recordSchema} and SELECT ON ALL TABLES IN SCHEMA ${recordSchema} to it.`,
    });
  }
  const rows = await session.query<Row>(
    `SELECT b.id::text, b.format, b.migration_version AS "migrationVersion", b.statement,
            b.table_schema AS "tableSchema", b.table_name AS "tableName",
            CASE WHEN b.registry_oid <> ${registryOid} THEN '-' ELSE '' END || b.table_oid::text AS "tableOid",
            b.column_name AS "columnName", b.snapshot_type AS kind, b.row_identity AS identity, b.columns,
            CASE WHEN pg_catalog.to_regclass('belay.' || pg_catalog.quote_ident(b.data_table)) IS NOT NULL
                 THEN b.data_table END AS "dataTable",
            b."rows"::text AS rows, b."values"::text AS "values", b.sequences,
            ${isoTime('created_at')} AS "createdAt", ${isoTime('restored_at')} AS "restoredAt"
       FROM belay.record_backups b
      WHERE ($1::text[] IS NULL OR b.migration_version = ANY ($1)) AND ($2::bigint[] IS NULL OR b.id = ANY ($2))
      ORDER BY b.id`,
    [versions ?? null, ids ?? null],
    doing,
  );
  return rows.map(fromRow);
}

function fromRow({ format, ...row }: Row): RecordBackup {
  if (format > recordBackupFormat) throw newerFormat(`record backup ${row.id} was`);
  const { id, tableOid, rows, values } = row;
  return {
    ...row,
    ...{ id: Number(id), tableOid: Number(tableOid), rows: Number(rows), values: Number(values) },
  };
}

/** Notes that records were put back, in the transaction that puts them back. */
export async function markRestored(session: Session, ids: readonly number[]): Promise<void> {
  await session.query(
    `UPDATE belay.record_backups SET restored_at = pg_catalog.clock_timestamp() WHERE id = ANY ($1::bigint[])`,
    [ids],
    writing,
  );
}
