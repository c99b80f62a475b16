import type { PlacedTable } from '../../domain/shadow-mapping.js';
import type { Session } from '../session.js';

/** Type by its own name and schema, whatever the search path; with its length, precision and the like. */
const columnsOf = `
  SELECT json_agg(json_build_object(
           'number', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
           'isGenerated', a.attgenerated <> '', 'isIdentity', a.attidentity <> '',
           'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END)
         ORDER BY a.attnum)
    FROM pg_attribute a
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`;

/**
 * The columns by which a row is known: the primary key, else the shortest unique key without NULLs. An index of
 * expressions, of some rows only or over generated columns is none: its values are not among what is brought over.
 */
const keyOf = `
  SELECT (SELECT json_agg(k.number ORDER BY k.place)
            FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place) WHERE k.place <= i.indnkeyatts)
    FROM pg_index i
   WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
     AND (i.indimmediate OR i.indisprimary)
     AND NOT EXISTS (
       SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
        WHERE k.place <= i.indnkeyatts AND (NOT a.attnotnull OR a.attgenerated <> ''))
   ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1`;

/**
 * The tables of the session's database with their columns and keys: ordinary ones, partitions, and what is partitioned.
 * Those of the system and Belay's own notes in a shadow are left out; those of extensions hold rows like any other.
 */
export function readPlacedTables(session: Session): Promise<PlacedTable[]> {
  return session.query<PlacedTable>(
    `SELECT c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name,
            c.relkind = 'p' AS "isPartitioned", c.relpersistence = 'p' AS "isLogged",
            c.relispartition AS "isPartition", pg_relation_filenode(c.oid)::int8::float8 AS file,
            coalesce((${columnsOf}), '[]'::json) AS columns, (${keyOf}) AS key
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
        AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'belay_shadow')
      ORDER BY c.oid`,
    [],
    'reading the tables',
  );
}
