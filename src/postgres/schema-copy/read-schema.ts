import type { Session } from '../session.js';

const doing = 'reading the schema to copy';

export interface SchemaFacts {
  readonly oid: number;
  /** As it is written in SQL. */
  readonly quoted: string;
  /** Names of what extensions have made in it: it stays there. */
  readonly ofExtensions: readonly string[];
}

/** @returns undefined where there is no such schema */
export async function findSchema(session: Session, name: string): Promise<SchemaFacts | undefined> {
  const [found] = await session.query<{ oid: number; quoted: string }>(
    `SELECT oid::int8::float8 AS oid, quote_ident(nspname) AS quoted FROM pg_namespace WHERE nspname = $1`,
    [name],
    doing,
  );
  if (!found) return undefined;
  const rows = await session.query<{ name: string }>(membersSql, [found.oid], doing);
  return { ...found, ofExtensions: rows.map((row) => row.name) };
}

const membersSql = `
  WITH members AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
  SELECT relname::text AS name FROM pg_class c JOIN members m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid WHERE relnamespace = $1
  UNION SELECT proname::text FROM pg_proc p JOIN members m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid WHERE pronamespace = $1
  UNION SELECT typname::text FROM pg_type t JOIN members m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid WHERE typnamespace = $1
  UNION SELECT oprname::text FROM pg_operator o JOIN members m ON m.classid = 'pg_operator'::regclass AND m.objid = o.oid WHERE oprnamespace = $1
  UNION SELECT opcname::text FROM pg_opclass o JOIN members m ON m.classid = 'pg_opclass'::regclass AND m.objid = o.oid WHERE opcnamespace = $1
  UNION SELECT collname::text FROM pg_collation o JOIN members m ON m.classid = 'pg_collation'::regclass AND m.objid = o.oid WHERE collnamespace = $1
  UNION SELECT dictname::text FROM pg_ts_dict o JOIN members m ON m.classid = 'pg_ts_dict'::regclass AND m.objid = o.oid WHERE dictnamespace = $1
  UNION SELECT cfgname::text FROM pg_ts_config o JOIN members m ON m.classid = 'pg_ts_config'::regclass AND m.objid = o.oid WHERE cfgnamespace = $1
  ORDER BY 1`;

/** Schemas of the user's, for messages. */
export async function readSchemaNames(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT nspname::text AS name FROM pg_namespace
      WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1`,
    [],
    doing,
  );
  return rows.map(({ name }) => name);
}

/** Names as they are written in SQL, by PostgreSQL's own list of words. */
export async function quoteName(session: Session, name: string): Promise<string> {
  const { quoted } = await session.queryOne<{ quoted: string }>(
    'SELECT quote_ident($1) AS quoted',
    [name],
    doing,
  );
  return quoted;
}
