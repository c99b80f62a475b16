import type { QualifiedName } from '../../domain/qualified-name.js';
import type { HashedRow, RowValues } from '../../domain/row-diff.js';
import { mapPostgresError } from '../pg-error.js';
import { quoteIdentifier, type Session } from '../session.js';
import { quoteQualifiedName } from './tables.js';

export interface ColumnShape {
  readonly name: string;
  readonly type: string;
  /** Computed from the others, by whatever server has the table. */
  readonly isGenerated?: boolean;
}

export interface TableShape extends QualifiedName {
  readonly columns: readonly ColumnShape[];
  /** Columns of the primary key; null: it has none. */
  readonly key: readonly string[] | null;
}

/** All tables with rows of their own, with columns and primary key, in one query. */
export function readTableShapes(session: Session): Promise<TableShape[]> {
  return session.query<TableShape>(
    `SELECT n.nspname AS schema, c.relname AS name,
            coalesce((SELECT json_agg(json_build_object('name', a.attname,
                                                        'type', format_type(a.atttypid, a.atttypmod),
                                                        'isGenerated', a.attgenerated <> '')
                                      ORDER BY a.attnum)
                        FROM pg_attribute a
                       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
            (SELECT json_agg(a.attname ORDER BY k.ordinal)
               FROM pg_constraint p, unnest(p.conkey) WITH ORDINALITY k(attnum, ordinal)
               JOIN pg_attribute a ON a.attnum = k.attnum
              WHERE p.conrelid = c.oid AND p.contype = 'p' AND a.attrelid = c.oid) AS key
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND c.relpersistence <> 't'
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`,
    [],
    'listing the tables',
  );
}

/** What of a table is compared: columns that both sides have, and those that identify a row. */
export interface RowScope {
  readonly table: QualifiedName;
  readonly columns: readonly string[];
  readonly key: readonly ColumnShape[] | null;
}

const bucketCount = 1024;

/** The output of record types tells NULL from an empty text and one column from the next. */
const asText = (columns: readonly string[]): string =>
  `(ROW(${columns.map((name) => `t.${quoteIdentifier(name)}`).join(', ')})::text)`;

const rowText = ({ columns }: RowScope): string => asText(columns);
const keyText = (scope: RowScope): string =>
  scope.key ? asText(scope.key.map(({ name }) => name)) : rowText(scope);
const fromTable = ({ table }: RowScope): string => `FROM ONLY ${quoteQualifiedName(table)} t`;
/** Added up, so that the order of rows does not matter, and the same row twice does not vanish. */
const rowHash = (scope: RowScope): string => `hashtextextended(${rowText(scope)} COLLATE "C", 0)`;
const bucketOf = (scope: RowScope): string =>
  `(hashtextextended(${keyText(scope)} COLLATE "C", 0) & ${bucketCount - 1})::int`;

const doingRows = ({ table }: RowScope): string =>
  `comparing the rows of ${table.schema}.${table.name}`;

/** Number of rows and sum of their hashes for each bucket of keys, as one text to compare. */
export async function readBuckets(session: Session, scope: RowScope): Promise<Map<number, string>> {
  const rows = await session.query<{ bucket: number; rows: string; hash: string }>(
    `SELECT ${bucketOf(scope)} AS bucket, count(*) AS rows,
            sum(${rowHash(scope)}) AS hash
       ${fromTable(scope)} GROUP BY 1`,
    [],
    doingRows(scope),
  );
  return new Map(rows.map(({ bucket, rows: count, hash }) => [bucket, `${count}/${hash}`]));
}

/** Number of rows and sum of their hashes of whole tables, as one text for each. */
export async function hashTables(session: Session, scopes: readonly RowScope[]): Promise<string[]> {
  const selects = scopes.map(
    (scope, index) =>
      `SELECT ${index} AS index, concat(count(*), '/', coalesce(sum(${rowHash(scope)}), 0)) AS hash
         ${fromTable(scope)}`,
  );
  const [first] = scopes;
  const doing =
    first && scopes.length === 1 ? `${first.table.schema}.${first.table.name}` : 'the tables';
  const rows = await session.query<{ index: number; hash: string }>(
    selects.join('\nUNION ALL '),
    [],
    `hashing the rows of ${doing}`,
  );
  const result: string[] = [];
  for (const { index, hash } of rows) result[index] = hash;
  return result;
}

const inBuckets = (scope: RowScope, buckets: readonly number[]): string =>
  buckets.length === bucketCount
    ? 'true'
    : `${bucketOf(scope)} = ANY ('{${buckets.join(',')}}'::int[])`;

function hashedRowsSql(scope: RowScope, buckets: readonly number[]): string {
  const where = `WHERE ${inBuckets(scope, buckets)}`;
  const hash = `md5(${rowText(scope)})`;
  if (!scope.key) {
    return `SELECT ${hash}, count(*)::text ${fromTable(scope)} ${where}
             GROUP BY ${hash} ORDER BY ${hash} COLLATE "C"`;
  }
  const parts = scope.key.map(({ name }) => `t.${quoteIdentifier(name)}::text`);
  return `SELECT ${parts.join(', ')}, ${hash} ${fromTable(scope)} ${where}
           ORDER BY ${parts.map((part) => `${part} COLLATE "C"`).join(', ')}`;
}

/** Values as the server prints them: numbers would be rounded, and dates moved, by JavaScript. */
const asPrinted = { getTypeParser: () => (value: string) => value };

/** Rows as lists of texts: objects and parsed values would cost more than reading the rows does. */
async function queryTexts(
  session: Session,
  scope: RowScope,
  sql: string,
  parameters: unknown[] = [],
): Promise<(string | null)[][]> {
  try {
    const { rows } = await session.client.query<(string | null)[]>({
      text: sql,
      values: parameters,
      rowMode: 'array',
      types: asPrinted,
    });
    return rows;
  } catch (error) {
    throw mapPostgresError(error, doingRows(scope));
  }
}

const rowsPerFetch = 5000;

/**
 * Keys and hashes of the rows in some buckets, ordered by the bytes of the key; for tables without a key
 * the hashes and how often each is there. Needs an open transaction, in which nothing else uses a cursor.
 */
export async function* readHashedRows(
  session: Session,
  scope: RowScope,
  buckets: readonly number[],
  signal: AbortSignal | undefined,
): AsyncGenerator<HashedRow[]> {
  await session.execute(
    `SET LOCAL cursor_tuple_fraction = 1; SET LOCAL work_mem = '64MB';
     DECLARE belay_rows NO SCROLL CURSOR FOR ${hashedRowsSql(scope, buckets)}`,
    doingRows(scope),
  );
  const fetch = () => {
    const fetching = queryTexts(session, scope, `FETCH ${rowsPerFetch} FROM belay_rows`);
    // Fetched ahead; when nobody comes for it any more, its failure is nobody's either.
    fetching.catch(() => {});
    return fetching;
  };
  let next = fetch();
  try {
    for (;;) {
      signal?.throwIfAborted();
      const rows = await next;
      if (rows.length === 0) break;
      next = fetch();
      yield rows.map((texts) => {
        const value = texts.pop() ?? '';
        return { key: texts.map((text) => text ?? ''), value };
      });
    }
  } finally {
    // The session takes one query at a time: nobody may use it before this one has ended.
    await next.catch(() => {});
  }
  await session.execute('CLOSE belay_rows', doingRows(scope));
}

async function readValues(
  session: Session,
  scope: RowScope,
  sql: string,
  parameters: unknown[],
): Promise<Map<string, RowValues>> {
  const rows = await queryTexts(session, scope, sql, parameters);
  return new Map(
    rows.map(([position, ...values]) => [
      position ?? '',
      Object.fromEntries(scope.columns.map((name, index) => [name, values[index] ?? null])),
    ]),
  );
}

const selectColumns = ({ columns }: RowScope): string =>
  columns.map((name) => `, t.${quoteIdentifier(name)}`).join('');

/**
 * The rows with some keys, by the position of the key. A type of PostgreSQL's own is compared as such, so that the key's
 * index finds it; the operators of others may be anywhere.
 */
export function readRowsByKey(
  session: Session,
  scope: RowScope & { readonly key: readonly ColumnShape[] },
  keys: readonly (readonly string[])[],
): Promise<Map<string, RowValues>> {
  const names = scope.key.map((_, index) => `k${index}`);
  const lists = names.map((_, index) => `$${index + 1}::text[]`);
  const matches = scope.key.map(({ name, type }, index) => {
    const column = `t.${quoteIdentifier(name)}`;
    return /^[a-z0-9 (),]+$/.test(type)
      ? `${column} = w.k${index}::${type}`
      : `${column}::text = w.k${index}`;
  });
  return readValues(
    session,
    scope,
    `SELECT w.position${selectColumns(scope)}
       FROM unnest(${lists.join(', ')}) WITH ORDINALITY w(${names.join(', ')}, position)
       JOIN ONLY ${quoteQualifiedName(scope.table)} t ON ${matches.join(' AND ')}`,
    names.map((_, index) => keys.map((key) => key[index])),
  );
}

/** One row for each of some hashes, by the hash. */
export function readRowsByHash(
  session: Session,
  scope: RowScope,
  hashes: readonly string[],
): Promise<Map<string, RowValues>> {
  const hash = `md5(${rowText(scope)})`;
  return readValues(
    session,
    scope,
    `SELECT DISTINCT ON (${hash}) ${hash}${selectColumns(scope)} ${fromTable(scope)} WHERE ${hash} = ANY ($1::text[])`,
    [hashes],
  );
}
