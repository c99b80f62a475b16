import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../pg-error.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../session.js';

/** The schema of the history as it is there, and what the session's role may do with it. */
export interface HistorySchema {
  /** Its comment; null: no comment. */
  readonly comment: string | null;
  /** Both tables are there. */
  readonly isWhole: boolean;
  readonly owner: string;
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
}

/** A row of the table of entries; all its columns have to agree with the document. */
export interface HistoryRow {
  readonly number: string;
  /** ISO 8601 in UTC, to the microsecond. */
  readonly at: string;
  readonly version: string;
  readonly name: string;
  readonly action: string;
  readonly tool: string;
  readonly checksum: string;
  readonly entry: string;
  readonly hash: string;
}

/** The last entry's place in the chain. */
export interface HistoryEnd {
  readonly number: number;
  readonly hash: string;
}

const doing = 'reading the schema history';
const writing = 'writing the schema history';

const isoTime = (expression: string): string =>
  `to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** Undefined where there is no schema of the name. */
export async function findHistorySchema(
  session: Session,
  schema: string,
): Promise<HistorySchema | undefined> {
  const may = (table: string, right: string) =>
    `has_schema_privilege(n.oid, 'USAGE') AND coalesce(has_table_privilege(${table}.oid, '${right}'), true)`;
  const [found] = await session.query<HistorySchema>(
    `SELECT obj_description(n.oid, 'pg_namespace') AS comment, pg_get_userbyid(n.nspowner)::text AS owner,
            h.oid IS NOT NULL AND m.oid IS NOT NULL AS "isWhole",
            ${may('h', 'SELECT')} AND ${may('m', 'SELECT')} AS "mayRead",
            ${may('h', 'INSERT')} AND ${may('m', 'INSERT')} AS "mayWrite"
       FROM pg_catalog.pg_namespace n
       LEFT JOIN pg_catalog.pg_class h ON h.relnamespace = n.oid AND h.relname = 'history'
       LEFT JOIN pg_catalog.pg_class m ON m.relnamespace = n.oid AND m.relname = 'models'
      WHERE n.nspname = $1`,
    [schema],
    doing,
  );
  return found;
}

/** Whether the session's role may make a schema in its database. */
export async function mayCreateSchema(session: Session): Promise<boolean> {
  const { may } = await session.queryOne<{ may: boolean }>(
    `SELECT has_database_privilege(current_database(), 'CREATE') AS may`,
    [],
    doing,
  );
  return may;
}

/** Whether the session is in a transaction that its user began. */
export function isInTransaction(session: Session): boolean {
  return session.client.getTransactionStatus() !== 'I';
}

/**
 * Makes what is appended one after another until the transaction ends, also before the tables are there. A lock of the
 * table would do the same, but the first entry has none.
 */
export async function serialiseAppends(session: Session): Promise<void> {
  await session.query(
    `SELECT pg_advisory_xact_lock(hashtextextended('belay schema history', 0))`,
    [],
    writing,
  );
}

/** Makes the schema with its mark, for the session's role alone, whatever its default privileges give to others. */
export async function createHistorySchema(
  session: Session,
  schema: string,
  comment: string,
): Promise<void> {
  const name = quoteIdentifier(schema);
  await session.execute(
    `CREATE SCHEMA ${name};
     COMMENT ON SCHEMA ${name} IS ${quoteLiteral(comment)};
     CREATE TABLE ${name}.history (
       number bigint PRIMARY KEY CHECK (number > 0),
       at timestamptz NOT NULL,
       version text NOT NULL,
       name text NOT NULL,
       action text NOT NULL,
       tool text NOT NULL,
       checksum text NOT NULL,
       entry json NOT NULL,
       hash text NOT NULL);
     CREATE TABLE ${name}.models (
       checksum text PRIMARY KEY,
       format integer NOT NULL,
       at timestamptz NOT NULL DEFAULT clock_timestamp(),
       model bytea NOT NULL);
     -- It is compressed already.
     ALTER TABLE ${name}.models ALTER COLUMN model SET STORAGE EXTERNAL;
     REVOKE ALL ON SCHEMA ${name} FROM PUBLIC;
     REVOKE ALL ON ${name}.history, ${name}.models FROM PUBLIC`,
    'creating the schema of the history',
  );
}

/** All entries, by number. @throws BelayError HISTORY_DAMAGED where the table has not its columns */
export async function readHistoryRows(session: Session, schema: string): Promise<HistoryRow[]> {
  const undefinedColumn = '42703';
  try {
    return await session.query<HistoryRow>(
      `SELECT h.number::text, ${isoTime('h.at')} AS at, h.version, h.name, h.action, h.tool, h.checksum,
              h.entry::text AS entry, h.hash
         FROM ${quoteIdentifier(schema)}.history h ORDER BY h.number`,
      [],
      doing,
    );
  } catch (error) {
    if (sqlStateOf(error) !== undefinedColumn) throw error;
    throw new BelayError('HISTORY_DAMAGED', `the table "${schema}"."history" has lost columns`, {
      hint: 'Bring it back from a snapshot or a checkpoint.',
      cause: error,
    });
  }
}

/** The last entry; null where there is none. */
export async function readHistoryEnd(session: Session, schema: string): Promise<HistoryEnd | null> {
  const [row] = await session.query<{ number: string; hash: string }>(
    `SELECT h.number::text, h.hash FROM ${quoteIdentifier(schema)}.history h ORDER BY h.number DESC LIMIT 1`,
    [],
    doing,
  );
  return row ? { number: Number(row.number), hash: row.hash } : null;
}

/** The time by the database's clock, which goes on within a transaction, and who is connected. */
export function readMoment(session: Session): Promise<{ at: string; role: string }> {
  return session.queryOne(
    `SELECT ${isoTime('clock_timestamp()')} AS at, session_user::text AS role`,
    [],
    doing,
  );
}

/** Adds a row. @throws BelayError LOCKED where the number is taken */
export async function insertHistoryRow(
  session: Session,
  schema: string,
  row: HistoryRow,
): Promise<void> {
  const { number, at, version, name, action, tool, checksum, entry, hash } = row;
  const uniqueViolation = '23505';
  try {
    await session.query(
      `INSERT INTO ${quoteIdentifier(schema)}.history
              (number, at, version, name, action, tool, checksum, entry, hash)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [number, at, version, name, action, tool, checksum, entry, hash],
      writing,
    );
  } catch (error) {
    if (sqlStateOf(error) !== uniqueViolation) throw error;
    throw new BelayError(
      'LOCKED',
      `another run has written entry ${number} of the schema history at the same time`,
      { hint: 'Nothing was recorded; run it again.', cause: error },
    );
  }
}

/** Keeps the bytes of a model, unless they are kept. */
export async function insertHistoryModel(
  session: Session,
  schema: string,
  model: { readonly checksum: string; readonly format: number; readonly bytes: Uint8Array },
): Promise<void> {
  await session.query(
    `INSERT INTO ${quoteIdentifier(schema)}.models (checksum, format, model) VALUES ($1, $2, $3)
         ON CONFLICT (checksum) DO NOTHING`,
    [model.checksum, model.format, Buffer.from(model.bytes)],
    writing,
  );
}

export async function isModelKept(
  session: Session,
  schema: string,
  checksum: string,
): Promise<boolean> {
  const rows = await session.query(
    `SELECT 1 FROM ${quoteIdentifier(schema)}.models m WHERE m.checksum = $1`,
    [checksum],
    doing,
  );
  return rows.length > 0;
}

/** Undefined where the model is not kept. */
export async function readHistoryModel(
  session: Session,
  schema: string,
  checksum: string,
): Promise<Uint8Array | undefined> {
  const [row] = await session.query<{ model: Uint8Array }>(
    `SELECT m.model FROM ${quoteIdentifier(schema)}.models m WHERE m.checksum = $1`,
    [checksum],
    doing,
  );
  return row?.model;
}

export async function listHistoryModels(session: Session, schema: string): Promise<string[]> {
  const rows = await session.query<{ checksum: string }>(
    `SELECT m.checksum FROM ${quoteIdentifier(schema)}.models m ORDER BY m.checksum COLLATE "C"`,
    [],
    doing,
  );
  return rows.map(({ checksum }) => checksum);
}

export async function deleteHistoryModels(
  session: Session,
  schema: string,
  checksums: readonly string[],
): Promise<void> {
  await session.query(
    `DELETE FROM ${quoteIdentifier(schema)}.models m WHERE m.checksum = ANY ($1)`,
    [checksums],
    'removing schemas from the history',
  );
}
