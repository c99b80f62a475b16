import { formatQualifiedName } from '../../src/domain/qualified-name.js';
import { quoteIdentifier, type Session } from '../../src/postgres/session.js';
import { openSession } from './open-session.js';

export interface StateColumn {
  readonly number: number;
  readonly name: string;
  /** Its number and modifier, e.g. "1700:655366": a name may change without the type. */
  readonly type: string;
}

/** All of one table, in memory. */
export interface TableState {
  readonly oid: number;
  /** "schema.table". */
  readonly name: string;
  readonly columns: readonly StateColumn[];
  /** Numbers of columns. */
  readonly primaryKey: readonly number[] | null;
  /** Unique and without NULL, and not the primary key. */
  readonly uniqueKeys: readonly (readonly number[])[];
  /** Values as text, in the columns' order. */
  readonly rows: readonly (readonly (string | null)[])[];
}

/** A database as it is, small enough to be held in memory: what a comparison is checked against. */
export interface DatabaseState {
  readonly url: string;
  readonly tables: readonly TableState[];
  /** By OID. The value is the last that was given; of a sequence that gave none, the one before its first. */
  readonly sequences: ReadonlyMap<number, { readonly name: string; readonly value: string }>;
  readonly labels: readonly EnumLabel[];
}

/** A value of an enum: it stays the same one when it gets another label. */
export interface EnumLabel {
  readonly oid: number;
  /** As of {@link StateColumn}. */
  readonly type: string;
  readonly label: string;
}

const tablesSql = `
  SELECT c.oid::int AS oid, n.nspname AS schema, c.relname AS name,
         (SELECT json_agg(json_build_object('number', a.attnum, 'name', a.attname,
                   'type', a.atttypid || ':' || a.atttypmod) ORDER BY a.attnum)
            FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
         (SELECT json_agg(json_build_object('isPrimary', i.indisprimary, 'columns', i.indkey::int2[]))
            FROM pg_index i
           WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indexprs IS NULL AND i.indpred IS NULL
             AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
                                AND NOT a.attnotnull)) AS keys
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
     AND n.nspname NOT IN ('information_schema', 'belay')
   ORDER BY 2, 3`;

interface TableRow {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly StateColumn[] | null;
  readonly keys:
    | readonly { readonly isPrimary: boolean; readonly columns: readonly number[] }[]
    | null;
}

const sequencesSql = `
  SELECT c.oid::int AS oid, n.nspname AS schema, c.relname AS name, s.seqincrement::text AS increment
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'belay'`;

async function readSequences(session: Session): Promise<DatabaseState['sequences']> {
  const found = new Map<number, { name: string; value: string }>();
  const rows = await session.query<{
    oid: number;
    schema: string;
    name: string;
    increment: string;
  }>(sequencesSql);
  for (const { oid, increment, ...name } of rows) {
    const { value, given } = await session.queryOne<{ value: string; given: boolean }>(
      `SELECT last_value::text AS value, is_called AS given
         FROM ${quoteIdentifier(name.schema)}.${quoteIdentifier(name.name)}`,
    );
    const last = given ? value : `${BigInt(value) - BigInt(increment)}`;
    found.set(oid, { name: formatQualifiedName(name), value: last });
  }
  return found;
}

/** Reads every table of a database. */
export async function readState(url: string): Promise<DatabaseState> {
  const session = await openSession(url);
  try {
    const tables: TableState[] = [];
    for (const row of await session.query<TableRow>(tablesSql)) {
      const columns = row.columns ?? [];
      const values = columns.map(({ name }) => `t.${quoteIdentifier(name)}::text`);
      const rows = await session.query<{ row: (string | null)[] }>(
        `SELECT ARRAY[${values.join(', ')}]::text[] AS row
           FROM ONLY ${quoteIdentifier(row.schema)}.${quoteIdentifier(row.name)} t`,
      );
      tables.push({
        ...{ oid: row.oid, name: formatQualifiedName(row), columns },
        rows: rows.map(({ row }) => row),
        primaryKey: row.keys?.find(({ isPrimary }) => isPrimary)?.columns ?? null,
        uniqueKeys: row.keys?.filter((key) => !key.isPrimary).map((key) => key.columns) ?? [],
      });
    }
    const labels = await session.query<EnumLabel>(
      `SELECT oid::int AS oid, enumtypid || ':-1' AS type, enumlabel AS label FROM pg_enum`,
    );
    return { url, tables, sequences: await readSequences(session), labels };
  } finally {
    await session.close();
  }
}

/**
 * Asks a database what values of one type are as another; undefined: they cannot be. Types as in {@link StateColumn}.
 * Close it.
 */
export async function openCasts(url: string) {
  const session = await openSession(url);
  const nameOf = async (type: string) => {
    const { name } = await session.queryOne<{ name: string }>(
      'SELECT format_type(o::oid, m::int) AS name FROM split_part($1, $2, 1) o, split_part($1, $2, 2) m',
      [type, ':'],
    );
    return name;
  };
  return {
    castBack: async (text: string, from: string, to: string): Promise<string | undefined> => {
      const types = [await nameOf(from), await nameOf(to)];
      try {
        const { value } = await session.queryOne<{ value: string }>(
          `SELECT $1::text::${types.join('::')}::text AS value`,
          [text],
        );
        return value;
      } catch {
        // E.g. "12x" as a number, or a type that is gone.
        return undefined;
      }
    },
    close: () => session.close(),
  };
}
