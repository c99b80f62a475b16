import type { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { QualifiedName } from '../../domain/qualified-name.js';
import { mapPostgresError } from '../pg-error.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';

/** A table without columns has no list of them, and `()` is a syntax error. */
function copyTarget(table: QualifiedName, columns: readonly string[]): string {
  const list = columns.length === 0 ? '' : ` (${columns.map(quoteIdentifier).join(', ')})`;
  return `COPY ${quoteQualifiedName(table)}${list}`;
}

/**
 * A connection that is closed tells its open streams once more, when whoever read them has gone because of an error: with
 * nobody listening that would end the process. Readers still hear of every error.
 */
function heard<T extends EventEmitter>(stream: T): T {
  return stream.on('error', () => {});
}

/** The rows of a table in COPY's text format, in UTF-8. Read it to its end, or destroy it. */
export function copyRowsOut(
  session: Session,
  table: QualifiedName,
  columns: readonly string[],
): Readable {
  const rows = session.client.query(copyTo(`${copyTarget(table, columns)} TO STDOUT`));
  return heard(rows);
}

/**
 * Writes rows in COPY's text format into a table.
 * @returns the number of rows
 */
export async function copyRowsIn(
  session: Session,
  table: QualifiedName,
  data: { readonly columns: readonly string[]; readonly rows: Readable; readonly encoding: string },
): Promise<number> {
  const doing = `copying the rows of ${table.schema}.${table.name}`;
  await session.execute(`SET client_encoding = ${quoteLiteral(data.encoding)}`, doing);
  const target = heard(
    session.client.query(copyFrom(`${copyTarget(table, data.columns)} FROM STDIN`)),
  );
  try {
    await pipeline(data.rows, target);
  } catch (error) {
    throw mapPostgresError(error, doing);
  }
  await session.execute(`SET client_encoding = 'UTF8'`, doing);
  return target.rowCount;
}

/** Names of the columns that hold data of their own, in their order. */
export async function readDataColumns(session: Session, table: QualifiedName): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT attname::text AS name FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
      ORDER BY attnum`,
    [quoteQualifiedName(table)],
    `reading the columns of ${table.schema}.${table.name}`,
  );
  return rows.map(({ name }) => name);
}
