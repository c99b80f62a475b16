/**
 * What the query families of the schema model share: which objects are the user's, under which names.
 * All families are branches of one statement, so that a model is one moment of the database.
 */

/** An attribute's name and how it is read; a list is a JSON array of texts. What is hidden is no part of the definition. */
export type AttributeSql = readonly [key: string, sql: string, type?: 'list' | 'hidden'];

/** One branch of the statement: a row with the branch's catalog and all its objects, each (id, sub, kind, name, a value for each attribute). */
export interface SchemaBranch {
  readonly sql: string;
  readonly attributes: readonly AttributeSql[];
}

export type SchemaQuery = (serverVersion: number) => SchemaBranch;

/**
 * Condition: a schema is the one in which Belay keeps the history, or what it notes in a shadow, by the mark in its comment.
 * It is no part of what is recorded. (docs/formats.md)
 */
export function isHistorySchema(oid: string): string {
  return `coalesce(obj_description(${oid}, 'pg_namespace') ~ '^\\{"belay":\\d+,"kind":"(history|shadow-state)"', false)`;
}

/**
 * Common table expressions: user schemas, what belongs to extensions, and the user's relations.
 * Extensions stand for their objects: `CREATE EXTENSION` makes them, and a newer version of it changes
 * them. In the same way a range type stands for its constructor functions and its cast. Temporary objects
 * are another session's.
 */
export const scopeSql = `
  schemas AS MATERIALIZED (
    SELECT oid, quote_ident(nspname) AS name
      FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND NOT ${isHistorySchema('oid')}),
  members AS MATERIALIZED (
    SELECT classid, objid FROM pg_depend
     WHERE deptype = 'e'
        OR (deptype = 'i' AND refclassid = 'pg_type'::regclass
            AND classid IN ('pg_proc'::regclass, 'pg_cast'::regclass))),
  relations AS MATERIALIZED (
    SELECT c.oid, s.name || '.' || quote_ident(c.relname) AS name, c.relname, c.relkind, c.relowner
      FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace
     WHERE c.relpersistence <> 't'
       AND c.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_class'::regclass))`;

/** Condition: the object was not made by an extension. */
export function notOfExtension(catalog: string, oid: string): string {
  return `${oid} NOT IN (SELECT objid FROM members WHERE classid = '${catalog}'::regclass)`;
}

/** Condition for objects without a schema: not made by initdb (OIDs below 16384) nor by an extension. */
export function madeByUser(catalog: string, oid: string): string {
  return `${oid} >= 16384 AND ${notOfExtension(catalog, oid)}`;
}

/** "yes" where the condition holds, else left out. */
export function yesIf(condition: string): string {
  return `CASE WHEN ${condition} THEN 'yes' END`;
}

/** The name of a role, as it is written in SQL. */
export function roleName(oid: string): string {
  return `quote_ident(pg_get_userbyid(${oid}))`;
}

/** Options ("name=value") as a sorted list, by the same order everywhere; none: left out. */
export function sortedOptions(options: string): string {
  // Most objects have none, and the subquery is what costs.
  return `CASE WHEN ${options} IS NOT NULL
       THEN (SELECT json_agg(option ORDER BY option COLLATE "C") FROM unnest(${options}) option) END`;
}

/**
 * Options of foreign objects as a sorted list. A value that may be a secret is left out, its name stays:
 * models are printed, compared and stored.
 */
export function foreignOptions(options: string): string {
  return `CASE WHEN ${options} IS NOT NULL THEN
            (SELECT json_agg(CASE WHEN option ~* '^[^=]*(pass|secret|key|token|credential|auth)[^=]*='
                                  THEN split_part(option, '=', 1) ELSE option END ORDER BY option COLLATE "C")
               FROM unnest(${options}) option) END`;
}

/** A non-default regproc as text. */
export function functionName(oid: string): string {
  return `CASE WHEN ${oid} <> 0 THEN ${oid}::regprocedure::text END`;
}

/**
 * One branch: what every family gives of an object. As one array of arrays, without their keys: rows and JSON objects
 * cost both sides twice as much.
 */
export function branch(
  object: { catalog: string; id: string; sub?: string; kind: string; name: string },
  attributes: readonly AttributeSql[],
  from: string,
): SchemaBranch {
  const { catalog, id, sub = '0', kind, name } = object;
  const texts = [id, sub, kind, name, ...attributes.map(([, sql]) => sql)];
  const values = texts.map((text) => `(${text})::text`).join(',\n         ');
  const sql = `'${catalog}'::regclass::oid AS class, json_agg(ARRAY[${values}]) AS objects
    ${from}`;
  return { sql, attributes };
}
