import { once } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { MappedColumn, MappedTable } from '../../domain/shadow.js';
import { mapPostgresError } from '../pg-error.js';
import { quoteIdentifier, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';

/** Where rows wait in the shadow, in the types of its table: columns c0, c1, … by their place, o0, … for keys that were. */
export const stage = 'pg_temp.belay_stage';
/** Rows in COPY's text format; can be read more than once. */
export type RowSource = () => Readable;

export interface StageOrder {
  readonly table: MappedTable;
  /** Indexes into the table's columns, in the order of the rows' values. */
  readonly given: readonly number[];
  /** Each row ends with the key that it had, and with the list of columns that it lacks: `unsent`. */
  readonly hasOldKeys?: boolean | undefined;
}

/** The table in the shadow; of one that is inherited from, only its own rows. */
export function shadowRelation({ shadow, isShadowPartitioned }: MappedTable): string {
  const name = quoteQualifiedName(shadow ?? { schema: '', name: '' });
  return isShadowPartitioned ? name : `ONLY ${name}`;
}

export const doingTable = (table: MappedTable): string =>
  `bringing over the rows of ${table.source.schema}.${table.source.name}`;

/** The table's key; a table without one never comes this far. */
export const keyOf = ({ key }: MappedTable): readonly number[] => key ?? [];

export function mappedColumn(table: MappedTable, index: number): MappedColumn {
  const found = table.columns[index];
  if (!found) throw new RangeError(`column ${index} of ${table.source.name}`);
  return found;
}

export const shadowColumn = (table: MappedTable, index: number, alias: string): string =>
  `${alias}.${quoteIdentifier(mappedColumn(table, index).shadow)}`;

/** Condition: the row of the shadow (t) has the key of the staged one (s), or the key that this one had. */
export function matches(table: MappedTable, prefix: 'c' | 'o' = 'c'): string {
  const parts = keyOf(table).map((index, place) => {
    const staged = prefix === 'c' ? `s.c${index}` : `s.o${place}`;
    return `${shadowColumn(table, index, 't')} ${mappedColumn(table, index).equals ?? '='} ${staged}`;
  });
  return parts.join(' AND ');
}

/** A few rows are found by the key's index all the same; for many the planner has to know how many. */
const fewRows = 50;

export async function analyseStage(shadow: Session, rows: number): Promise<void> {
  if (rows > fewRows) await shadow.execute(`ANALYZE ${stage}`, 'measuring the changed rows');
}

export async function copyInto(
  session: Session,
  relation: string,
  rows: Readable,
  doing: string,
): Promise<number> {
  const target = session.client.query(copyFrom(`COPY ${relation} FROM STDIN`));
  let failed: unknown;
  target.on('error', (error) => {
    failed ??= error;
  });
  try {
    await pump(rows, target, () => failed !== undefined);
  } catch (error) {
    throw mapPostgresError(error, doing);
  }
  return target.rowCount;
}

/**
 * Writes all rows. Where the server has refused one, the others are read and dropped: the session that they come from can go
 * on only when its COPY has come to an end.
 */
async function pump(rows: Readable, target: Writable, isOver: () => boolean): Promise<void> {
  const ended = finished(target);
  ended.catch(() => {});
  try {
    for await (const piece of rows) {
      if (isOver() || target.write(piece)) continue;
      await Promise.race([once(target, 'drain'), ended]).catch(() => {});
    }
  } catch (error) {
    target.destroy();
    throw error;
  }
  if (!isOver()) target.end();
  await ended;
}

/** The rows of a query in COPY's text format. */
export function copyOut(session: Session, query: string): Readable {
  const rows = session.client.query(copyTo(`COPY (${query}) TO STDOUT`));
  return rows.on('error', () => {});
}

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

const encodeValue = (value: string | null | undefined): string =>
  value === null || value === undefined
    ? '\\N'
    : value.replace(/[\\\n\r\t]/g, (character) => escapes[character] ?? character);

/** Values as COPY's text format has them. */
export function rowsAsCopy(rows: readonly (readonly (string | null | undefined)[])[]): RowSource {
  return () => Readable.from(linesOf(rows));
}

function* linesOf(rows: readonly (readonly (string | null | undefined)[])[]): Generator<string> {
  const perPiece = 500;
  for (let at = 0; at < rows.length; at += perPiece) {
    const lines = rows.slice(at, at + perPiece).map((row) => row.map(encodeValue).join('\t'));
    yield `${lines.join('\n')}\n`;
  }
}
