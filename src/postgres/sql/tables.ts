import type { QualifiedName } from '../../domain/qualified-name.js';
import { quoteIdentifier, type Session } from '../session.js';

/** A table that holds rows of its own: no view, and not the partitioned parent of others. */
export interface TableRights extends QualifiedName {
  /** The role may read its rows. */
  readonly readable: boolean;
  /** Row level security would hide rows from the role. */
  readonly hidesRows: boolean;
}

export interface TableRow extends TableRights {
  /** Size of the rows' own file, measured now. */
  readonly sizeBytes: number;
}

export interface SequenceRow extends QualifiedName {
  readonly readable: boolean;
}

const userSchema = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

/** `"schema"."name"`, for SQL. */
export function quoteQualifiedName({ schema, name }: QualifiedName): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

const tablesWithRows = `
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND ${userSchema}`;

/**
 * All tables with rows of their own, those of extensions too: their rows are data. Largest first. Only for databases
 * that nobody changes: measuring a table locks it, and would wait behind an ALTER TABLE.
 */
export function readTables(session: Session): Promise<TableRow[]> {
  return session.query<TableRow>(
    `SELECT n.nspname AS schema, c.relname AS name,
            coalesce(pg_relation_size(c.oid), 0)::float8 AS "sizeBytes", ${rightsColumns}
       ${tablesWithRows}
      ORDER BY "sizeBytes" DESC, c.oid`,
    [],
    'listing the tables',
  );
}

const rightsColumns = `
  has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') AS readable,
  c.relrowsecurity AND row_security_active(c.oid) AS "hidesRows"`;

/** The same tables and what the role may do with them, without a lock on any of them. */
export function readTableRights(session: Session): Promise<TableRights[]> {
  return session.query<TableRights>(
    `SELECT n.nspname AS schema, c.relname AS name, ${rightsColumns} ${tablesWithRows} ORDER BY c.oid`,
    [],
    'listing the tables',
  );
}

/** Names of the same tables, without a lock on any of them. */
export function readTableNames(session: Session): Promise<QualifiedName[]> {
  return session.query<QualifiedName>(
    `SELECT n.nspname AS schema, c.relname AS name ${tablesWithRows}`,
    [],
    'listing the tables',
  );
}

export function readSequences(session: Session): Promise<SequenceRow[]> {
  return session.query<SequenceRow>(
    `SELECT n.nspname AS schema, c.relname AS name,
            has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT') AS readable
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND ${userSchema}
      ORDER BY c.oid`,
    [],
    'listing the sequences',
  );
}

/** Rows of several tables in one query, without those of the tables that inherit from them. */
export async function countTables(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<number[]> {
  const counts = tables.map(
    (table, index) => `SELECT ${index} AS index, count(*) FROM ONLY ${quoteQualifiedName(table)}`,
  );
  const [first] = tables;
  const what = first && tables.length === 1 ? `of ${first.schema}.${first.name}` : 'of the tables';
  const rows = await session.query<{ index: number; count: string }>(
    counts.join('\nUNION ALL '),
    [],
    `counting the rows ${what}`,
  );
  const result: number[] = [];
  for (const { index, count } of rows) result[index] = Number(count);
  return result;
}

export interface SequenceState {
  readonly index: number;
  readonly lastValue: string;
  readonly isCalled: boolean;
}

/** Values of several sequences in one query, as text: they are bigints. */
export function readSequenceValues(
  session: Session,
  sequences: readonly QualifiedName[],
): Promise<SequenceState[]> {
  const selects = sequences.map(
    (sequence, index) =>
      `SELECT ${index} AS index, last_value::text AS "lastValue", is_called AS "isCalled"
         FROM ${quoteQualifiedName(sequence)}`,
  );
  return session.query<SequenceState>(
    selects.join('\nUNION ALL '),
    [],
    'reading the values of the sequences',
  );
}
