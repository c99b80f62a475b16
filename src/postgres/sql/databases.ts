import { madeByBelayConnectionLimit } from '../../domain/clone-name.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../session.js';

/** A row of pg_database with what Belay needs of it. */
export interface DatabaseRow {
  readonly oid: number;
  readonly name: string;
  readonly owner: string;
  readonly allowsConnections: boolean;
  /** -1: no limit; -2: a DROP DATABASE was interrupted and nobody can connect any more. */
  readonly connectionLimit: number;
  readonly isTemplate: boolean;
  readonly tablespace: string;
  readonly comment: string | null;
  /** The role may copy, rename and comment it: it is the owner, a member of the owner, or superuser. */
  readonly owned: boolean;
}

/**
 * One database by name, and every database that Belay made, on the whole server. Two kinds of marks:
 * a record in the comment, or (half-made) the connection limit that only Belay sets.
 */
export function readDatabases(session: Session, name: string): Promise<DatabaseRow[]> {
  return session.query<DatabaseRow>(
    `SELECT * FROM (
       SELECT d.oid::int8::float8 AS oid, d.datname::text AS name, pg_get_userbyid(d.datdba)::text AS owner,
              d.datallowconn AS "allowsConnections", d.datconnlimit AS "connectionLimit",
              d.datistemplate AS "isTemplate", t.spcname::text AS tablespace,
              shobj_description(d.oid, 'pg_database') AS comment,
              pg_has_role(d.datdba, 'USAGE') AS owned
         FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace) x
      WHERE name = $1 OR comment LIKE '{"belay":%'
         OR ("connectionLimit" IN (${madeByBelayConnectionLimit}, -2) AND name ~ '_belay_[0-9a-z]{16}$')`,
    [name],
    'listing databases',
  );
}

/** Names that are taken, among those asked for. */
export async function databaseExists(session: Session, name: string): Promise<boolean> {
  const rows = await session.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
  return rows.length > 0;
}

/** Logical size in bytes; null where the role may not ask. */
export async function databaseSize(session: Session, oid: number): Promise<number | null> {
  const row = await session.queryOne<{ size: string | null }>(
    `SELECT CASE WHEN has_database_privilege($1::oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
                 THEN pg_database_size($1::oid) END AS size`,
    [oid],
    'measuring the database',
  );
  return row.size === null ? null : Number(row.size);
}

/** The collation versions of a database where they disagree with the operating system's (15+). */
export async function collationMismatch(
  session: Session,
  oid: number,
): Promise<{ recorded: string; actual: string | null } | null> {
  if (session.serverVersion < 150000) return null;
  const [row] = await session.query<{ recorded: string; actual: string | null }>(
    `SELECT datcollversion AS recorded, pg_database_collation_actual_version(oid) AS actual
       FROM pg_database
      WHERE oid = $1 AND datcollversion IS NOT NULL
        AND datcollversion IS DISTINCT FROM pg_database_collation_actual_version(oid)`,
    [oid],
  );
  return row ?? null;
}

export interface CreateDatabaseOptions {
  readonly name: string;
  readonly source: string;
  readonly owner: string;
  readonly strategy: 'FILE_COPY' | 'WAL_LOG' | null;
}

/** CREATE DATABASE for a copy that is closed to everybody and marked as Belay's from its first instant. */
export function createDatabaseSql(options: CreateDatabaseOptions): string {
  const strategy = options.strategy === null ? '' : ` STRATEGY ${options.strategy}`;
  return (
    `CREATE DATABASE ${quoteIdentifier(options.name)} TEMPLATE ${quoteIdentifier(options.source)}` +
    ` OWNER ${quoteIdentifier(options.owner)}${strategy}` +
    ` ALLOW_CONNECTIONS false CONNECTION LIMIT ${madeByBelayConnectionLimit}`
  );
}

export function renameDatabaseSql(from: string, to: string): string {
  return `ALTER DATABASE ${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`;
}

export function commentDatabaseSql(name: string, comment: string | null): string {
  const text = comment === null ? 'NULL' : quoteLiteral(comment);
  return `COMMENT ON DATABASE ${quoteIdentifier(name)} IS ${text}`;
}

export function databaseFlagsSql(
  name: string,
  flags: { allowConnections?: boolean; connectionLimit?: number; isTemplate?: boolean },
): string {
  const options = [
    flags.allowConnections === undefined ? '' : ` ALLOW_CONNECTIONS ${flags.allowConnections}`,
    flags.connectionLimit === undefined ? '' : ` CONNECTION LIMIT ${flags.connectionLimit}`,
    flags.isTemplate === undefined ? '' : ` IS_TEMPLATE ${flags.isTemplate}`,
  ];
  return `ALTER DATABASE ${quoteIdentifier(name)}${options.join('')}`;
}
