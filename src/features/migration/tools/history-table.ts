import { BelayError } from '../../../errors.js';
import { quoteIdentifier, type Session } from '../../../postgres/session.js';

/** The table in which a tool keeps what it has applied. */
export interface HistoryTable {
  /** As people call the tool: "Prisma". */
  readonly toolName: string;
  readonly schema: string;
  readonly name: string;
}

export interface HistoryTablePlace {
  readonly toolName: string;
  readonly name: string;
  /** What the tool's configuration says; undefined: its default. */
  readonly schema: string | undefined;
  readonly defaultSchema: string;
  /**
   * The table's name is so much the tool's own that it is the right one in any schema: which one that is stands in a
   * connection string, or in a program.
   */
  readonly isUnmistakable: boolean;
}

/** Where a tool's table is, or would be. */
export async function placeHistoryTable(
  place: HistoryTablePlace,
  session: Session | undefined,
): Promise<HistoryTable> {
  const { toolName, name, defaultSchema } = place;
  const usual = { toolName, name, schema: place.schema ?? defaultSchema };
  if (place.schema !== undefined || !place.isUnmistakable || !session) return usual;
  const [found] = await session.query<{ schema: string }>(
    `SELECT n.nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relname = $1 AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'
      ORDER BY n.nspname <> $2, n.nspname LIMIT 1`,
    [name, defaultSchema],
  );
  return found ? { ...usual, schema: found.schema } : usual;
}

/** The table as it is written in a statement. */
export function tableSql({ schema, name }: HistoryTable): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** Names of relations in one schema, as the schema model has them. */
export async function modelNames(
  schema: string,
  names: readonly string[],
  session: Session | undefined,
): Promise<string[]> {
  if (!session) return names.map((name) => `${plainlyQuoted(schema)}.${plainlyQuoted(name)}`);
  const rows = await session.query<{ name: string }>(
    `SELECT quote_ident($1) || '.' || quote_ident(name) AS name
       FROM unnest($2::text[]) WITH ORDINALITY AS given(name, position) ORDER BY position`,
    [schema, names],
  );
  return rows.map(({ name }) => name);
}

/** As quote_ident, but that it does not know the keywords of SQL. */
function plainlyQuoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);
}

/** What kind of values a column holds. */
export type ColumnKind = 'text' | 'number' | 'time' | 'boolean';

/** By `pg_type.typcategory`. */
const kinds: Readonly<Record<string, ColumnKind>> = {
  ...{ S: 'text', N: 'number', D: 'time', B: 'boolean' },
};

/** The columns of a table: their kinds, and the types of what holds time. */
export type FoundColumns = ReadonlyMap<
  string,
  { readonly kind: ColumnKind | null; readonly type: string }
>;

/**
 * The columns of a tool's table; null where there is no such table.
 * @param documented what the tool's table has in every version that can be read
 * @throws BelayError HISTORY_DAMAGED where one of those is missing or of another kind
 */
export async function readColumns(
  session: Session,
  table: HistoryTable,
  documented: Readonly<Record<string, ColumnKind>>,
): Promise<FoundColumns | null> {
  const rows = await session.query<{ name: string | null; category: string; type: string }>(
    `SELECT a.attname AS name, t.typcategory AS category, format_type(t.oid, NULL) AS type
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       LEFT JOIN pg_type t ON t.oid = a.atttypid
      WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`,
    [table.schema, table.name],
  );
  if (rows.length === 0) return null;
  const found: FoundColumns = new Map(
    rows.flatMap(({ name, category, type }) =>
      name === null ? [] : [[name, { kind: kinds[category] ?? null, type }]],
    ),
  );
  for (const [name, kind] of Object.entries(documented)) {
    const column = found.get(name);
    if (!column) throw damaged(table, `it has no column "${name}"`);
    if (column.kind !== kind) {
      throw damaged(
        table,
        `its column "${name}" is of type ${column.type}, and should hold ${kind}`,
      );
    }
  }
  return found;
}

/** A tool's table is not what the tool makes and writes. */
export function damaged(table: HistoryTable, what: string): BelayError {
  const { toolName, schema, name } = table;
  return new BelayError(
    'HISTORY_DAMAGED',
    `the table ${schema}.${name} is not as ${toolName} keeps it: ${what}`,
    {
      hint: `Belay has changed nothing. See what ${toolName} itself says of it; if the table is another program's, name the tool that applies the migrations in belay.config.json ("migrations").`,
      details: { table: `${schema}.${name}` },
    },
  );
}

/**
 * SQL that gives a column's time as ISO 8601. A column without a time zone has the time of the session that wrote it,
 * which is taken to have been the database's default.
 */
export function isoTime(column: string, columns: FoundColumns): string {
  const isZoned = columns.get(column)?.type.includes('with time zone') ?? false;
  const quoted = quoteIdentifier(column);
  const zone = `(SELECT reset_val FROM pg_settings WHERE name = 'TimeZone')`;
  const moment = isZoned ? quoted : `(${quoted} AT TIME ZONE ${zone})`;
  return `CASE WHEN isfinite(${quoted})
    THEN to_char(${moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END`;
}
