import { quoteIdentifier, type Session } from '../session.js';

/** A column as a backup has to know it. */
export interface TableColumn {
  readonly number: number;
  readonly name: string;
  /** As `format_type` prints it. */
  readonly type: string;
  /** The built-in type in which its values are kept as they are; null: as text. */
  readonly nativeType: string | null;
  /** Its own type is a domain. */
  readonly isDomain: boolean;
  readonly isCollatable: boolean;
  readonly isGenerated: boolean;
  /** A column that is made again would not be NULL where this one is. */
  readonly fillsItself: boolean;
}

/** A sequence that belongs to a column. */
export interface OwnedSequence {
  readonly column: number;
  /** Qualified, quoted where that is needed. */
  readonly name: string;
  /** The last value that it gave; null: none yet, or the role may not see it. */
  readonly value: string | null;
}

/** A table at the moment at which a statement runs. */
export interface KeptTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** Qualified and quoted. */
  readonly sql: string;
  readonly isPartitioned: boolean;
  /** Row-level security would hide rows from the session's role. */
  readonly hidesRows: boolean;
  /** Only because the owner has forced it upon itself, and the session's role is the owner. */
  readonly mayLiftForce: boolean;
  /** Tables that inherit from it, all levels; none of a partitioned table. */
  readonly inheritors: readonly number[];
  /** Of a partition: the partitioned tables above it. */
  readonly partitionOf: readonly number[];
  /** A partition of it lies on another server. */
  readonly hasForeignPartition: boolean;
  readonly mayTrigger: boolean;
  readonly maySelect: boolean;
  readonly owner: string;
  readonly columns: readonly TableColumn[];
  /** Columns of its unique keys without NULLs, checked at once; the primary key first. */
  readonly keys: readonly { readonly isPrimary: boolean; readonly columns: readonly number[] }[];
  readonly sequences: readonly OwnedSequence[];
}

/** Objects with lower numbers are the system's own and cannot be dropped. */
const firstUserOid = 16384;

/**
 * Values of a domain are kept in the type below it: for them it is the same, and a domain may be dropped. So may every type
 * of the user's, and one of an extension.
 */
const columnsSql = `
  SELECT json_agg(json_build_object(
      'number', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'nativeType', CASE WHEN base.type < ${firstUserOid} THEN format_type(base.type, base.modifier) END,
      'isDomain', base.type <> a.atttypid, 'isCollatable', a.attcollation <> 0,
      'isGenerated', a.attgenerated <> '',
      'fillsItself', (a.atthasdef OR a.attidentity <> '' OR base.has_default) AND NOT a.attnotnull) ORDER BY a.attnum)
    FROM pg_attribute a CROSS JOIN LATERAL (
      WITH RECURSIVE below (type, modifier, has_default, depth) AS (
        SELECT a.atttypid, a.atttypmod, false, 0
        UNION ALL
        SELECT t.typbasetype, CASE WHEN t.typtypmod = -1 THEN b.modifier ELSE t.typtypmod END,
               b.has_default OR t.typdefault IS NOT NULL, b.depth + 1
          FROM below b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd')
      SELECT type, modifier, has_default FROM below ORDER BY depth DESC LIMIT 1) AS base
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`;

const keysSql = `
  SELECT json_agg(json_build_object('isPrimary', x.indisprimary, 'columns', k.columns)
           ORDER BY x.indisprimary DESC, x.indnkeyatts, x.indexrelid)
    FROM pg_index x CROSS JOIN LATERAL (
      SELECT json_agg(n.number ORDER BY n.place) AS columns, bool_and(coalesce(a.attnotnull, false)) AS no_nulls
        FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS n (number, place)
        LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = n.number AND a.attnum > 0
       WHERE n.place <= x.indnkeyatts) AS k
   WHERE x.indrelid = c.oid AND x.indisunique AND x.indimmediate AND x.indisvalid
     AND x.indpred IS NULL AND x.indexprs IS NULL AND k.no_nulls`;

const sequencesSql = `
  SELECT json_agg(json_build_object('column', d.refobjsubid,
           'name', quote_ident(n.nspname) || '.' || quote_ident(s.relname),
           'value', CASE WHEN has_sequence_privilege(s.oid, 'USAGE, SELECT')
                         THEN pg_sequence_last_value(s.oid)::text END) ORDER BY s.oid)
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
     AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')`;

const inheritorsSql = `
  WITH RECURSIVE below (oid) AS (
    SELECT h.inhrelid FROM pg_inherits h WHERE h.inhparent = c.oid
    UNION SELECT h.inhrelid FROM below b JOIN pg_inherits h ON h.inhparent = b.oid)
  SELECT coalesce(json_agg(b.oid::int8 ORDER BY b.oid) FILTER (WHERE c.relkind <> 'p'), '[]') AS inheritors,
         coalesce(bool_or(k.relkind = 'f'), false) AS has_foreign
    FROM below b JOIN pg_class k ON k.oid = b.oid`;

const ancestorsSql = `
  WITH RECURSIVE above (oid) AS (
    SELECT h.inhparent FROM pg_inherits h WHERE h.inhrelid = c.oid AND c.relispartition
    UNION SELECT h.inhparent FROM above b JOIN pg_class k ON k.oid = b.oid AND k.relispartition
            JOIN pg_inherits h ON h.inhrelid = b.oid)
  SELECT coalesce(json_agg(b.oid::int8), '[]') FROM above b`;

const tablesSql = `
  SELECT c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind = 'p' AS "isPartitioned",
         row_security_active(c.oid) AS "hidesRows",
         c.relforcerowsecurity AND pg_has_role(c.relowner, 'USAGE') AS "mayLiftForce",
         below.inheritors, (${ancestorsSql}) AS "partitionOf", c.relkind = 'p' AND below.has_foreign AS "hasForeignPartition",
         has_table_privilege(c.oid, 'TRIGGER') AS "mayTrigger", has_table_privilege(c.oid, 'SELECT') AS "maySelect",
         pg_get_userbyid(c.relowner)::text AS owner,
         coalesce((${columnsSql}), '[]') AS columns, coalesce((${keysSql}), '[]') AS keys,
         coalesce((${sequencesSql}), '[]') AS sequences
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL (${inheritorsSql}) AS below
   WHERE c.oid = ANY ($1::oid[]) AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
   ORDER BY c.oid`;

/**
 * Tables as they are named now. Left out is what is not there any more, and what has no rows of its own here: views, foreign tables.
 * Needs the search path of Belay's own settings.
 */
export async function readKeptTables(
  session: Session,
  oids: readonly number[],
): Promise<KeptTable[]> {
  if (oids.length === 0) return [];
  const rows = await session.query<Omit<KeptTable, 'sql'>>(
    tablesSql,
    [oids],
    'reading the tables whose records are to be kept',
  );
  return rows.map((row) => ({
    ...row,
    sql: `${quoteIdentifier(row.schema)}.${quoteIdentifier(row.name)}`,
  }));
}

/** For people: `schema.table`. */
export const displayName = ({ schema, name }: Pick<KeptTable, 'schema' | 'name'>): string =>
  `${schema}.${name}`;
