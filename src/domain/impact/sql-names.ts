import { quotedName } from '../quoted-sql.js';

/** Words that cannot be a table's or a column's name without quotes. */
const reserved = new Set(
  `all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
  column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
  current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
  from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
  localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
  returning right select session_user similar some symmetric system_user table tablesample then to trailing true
  union unique user using variadic verbose when where window with between bigint bit boolean char character coalesce
  dec decimal exists extract float greatest grouping inout int integer interval least national nchar none normalize
  nullif numeric out overlay position precision real row setof smallint substring time timestamp treat trim values
  varchar`.split(/\s+/),
);

/** A name as it is written in SQL: quoted unless it is plain. */
export function nameSql(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !reserved.has(name) ? name : quotedName(name);
}

/** `schema.name` as it is written in SQL. */
export function qualifiedSql({ schema, name }: { schema: string; name: string }): string {
  return `${nameSql(schema)}.${nameSql(name)}`;
}

/**
 * A name for something new on a table, as PostgreSQL would choose it: `users_email_key`. Cut to what fits into a name; how
 * PostgreSQL shortens is not followed.
 */
export function inventedName(table: string, columns: readonly string[], end: string): string {
  const name = [table, ...columns, end].join('_');
  return name.length <= 63 ? name : `${name.slice(0, 62 - end.length)}_${end}`;
}
