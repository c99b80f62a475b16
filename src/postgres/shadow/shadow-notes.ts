import type { MappedTable } from '../../domain/shadow.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { doingTable, keyOf, shadowRelation, stage } from './apply-stage.js';

/**
 * What Belay notes inside of a shadow, where the migration itself has inserted or deleted rows: their keys, so that a scan
 * neither deletes the ones nor takes the others for rows that are missing. It is no part of the shadow's schema (its
 * comment says what it is), and goes at the promote.
 */
const schema = 'belay_shadow';
const mark = '{"belay":1,"kind":"shadow-state"}';

export type Notes = 'inserted' | 'deleted';

export const notesOf = (table: MappedTable, notes: Notes): string =>
  `${schema}.${notes}_${table.table.oid}`;

/** Takes away what Belay has noted in a shadow. Idempotent; a schema of this name that is not Belay's stays. */
export async function removeShadowState(session: Session): Promise<void> {
  const rows = await session.query(
    `SELECT FROM pg_namespace WHERE nspname = $1 AND obj_description(oid, 'pg_namespace') = $2`,
    [schema, mark],
  );
  if (rows.length === 0) return;
  await session.execute(
    `SET client_min_messages = warning; DROP SCHEMA ${schema} CASCADE; RESET client_min_messages`,
    'removing what was noted in the shadow',
  );
}

async function createSchema(shadow: Session): Promise<void> {
  const rows = await shadow.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  if (rows.length > 0) return;
  await shadow.execute(
    `CREATE SCHEMA ${schema}; COMMENT ON SCHEMA ${schema} IS ${quoteLiteral(mark)}`,
    'noting what the migration did',
  );
}

/** Makes both lists for a table, in the types of its key. */
export async function createNotes(shadow: Session, table: MappedTable): Promise<void> {
  await createSchema(shadow);
  const columns = keyOf(table).map(
    (index) => `t.${quoteIdentifier(table.columns[index]?.shadow ?? '')} AS c${index}`,
  );
  const from = quoteQualifiedName(table.shadow ?? { schema: '', name: '' });
  for (const notes of ['inserted', 'deleted'] as const) {
    const name = notesOf(table, notes);
    await shadow.execute(
      `SET LOCAL client_min_messages = warning; DROP TABLE IF EXISTS ${name};
       CREATE TABLE ${name} AS SELECT ${columns.join(', ')} FROM ${from} t WITH NO DATA`,
      doingTable(table),
    );
  }
}

/** Only where the migration has inserted or deleted rows are there notes at all. */
export async function hasNotes(shadow: Session, table: MappedTable): Promise<boolean> {
  if (!table.key || !table.table.transformed) return false;
  const { found } = await shadow.queryOne<{ found: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS found',
    [notesOf(table, 'inserted')],
  );
  return found;
}

/** Condition: the row's key (of `s`) is among the noted ones. Both are in the shadow's own types. */
export const isNoted = (table: MappedTable, notes: Notes, alias = 's'): string =>
  `EXISTS (SELECT FROM ${notesOf(table, notes)} n WHERE ${sameKey(table, 'n', alias)})`;

/** Two lists of staged keys have the same one. */
export function sameKey(table: MappedTable, left: string, right: string): string {
  return keyOf(table)
    .map((index) => `${left}.c${index} ${table.columns[index]?.equals ?? '='} ${right}.c${index}`)
    .join(' AND ');
}

/** Rows that the target has written since, or deleted, are no longer the migration's: what was noted of them goes. */
export async function forgetStaged(shadow: Session, table: MappedTable): Promise<void> {
  if (!(await hasNotes(shadow, table))) return;
  for (const notes of ['inserted', 'deleted'] as const) {
    await shadow.execute(
      `DELETE FROM ${notesOf(table, notes)} n USING ${stage} s WHERE ${sameKey(table, 'n', 's')}`,
      doingTable(table),
    );
  }
}

/** The target has emptied the table: nothing of it is missing any more. @returns whether there are notes */
export async function forgetDeleted(shadow: Session, table: MappedTable): Promise<boolean> {
  if (!(await hasNotes(shadow, table))) return false;
  await shadow.execute(`DELETE FROM ${notesOf(table, 'deleted')}`, doingTable(table));
  return true;
}

export interface NotedRows {
  readonly inserted: number;
  readonly deleted: number;
}

export async function countNotes(shadow: Session, table: MappedTable): Promise<NotedRows> {
  if (!(await hasNotes(shadow, table))) return { inserted: 0, deleted: 0 };
  return shadow.queryOne<NotedRows>(
    `SELECT (SELECT count(*) FROM ${notesOf(table, 'inserted')})::float8 AS inserted,
            (SELECT count(*) FROM ${notesOf(table, 'deleted')})::float8 AS deleted`,
    [],
    doingTable(table),
  );
}

const offsets = `${schema}.offsets`;

/** Of a table without a key: how many rows more the shadow has than the target, by the migration's doing. */
export async function readOffset(shadow: Session, table: MappedTable): Promise<number> {
  const { found } = await shadow.queryOne<{ found: boolean }>(
    `SELECT to_regclass('${offsets}') IS NOT NULL AS found`,
  );
  if (!found) return 0;
  const [row] = await shadow.query<{ rows: number }>(
    `SELECT rows::float8 AS rows FROM ${offsets} WHERE source = $1`,
    [table.table.oid],
  );
  return row?.rows ?? 0;
}

export async function writeOffset(
  shadow: Session,
  table: MappedTable,
  rows: number,
): Promise<void> {
  await createSchema(shadow);
  await shadow.execute(
    `CREATE TABLE IF NOT EXISTS ${offsets} (source bigint PRIMARY KEY, rows bigint NOT NULL)`,
    doingTable(table),
  );
  await shadow.query(
    `INSERT INTO ${offsets} VALUES ($1, $2) ON CONFLICT (source) DO UPDATE SET rows = excluded.rows`,
    [table.table.oid, rows],
    doingTable(table),
  );
}

export async function countShadow(shadow: Session, table: MappedTable): Promise<number> {
  const { rows } = await shadow.queryOne<{ rows: number }>(
    `SELECT count(*)::float8 AS rows FROM ${shadowRelation(table)} t`,
    [],
    doingTable(table),
  );
  return rows;
}
