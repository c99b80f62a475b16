import type { QualifiedName } from '../../domain/qualified-name.js';
import type { Session } from '../session.js';
import type { SequenceRow, TableRow } from './tables.js';

/** What one of the asked names means. */
export interface ChosenTable extends QualifiedName {
  /** Null: there is no relation of the name. */
  readonly oid: number | null;
  /** `relkind`, e.g. "r" or "p". */
  readonly kind: string | null;
  /** Itself and, of a partitioned table, all of its partitions and theirs. */
  readonly parts: readonly number[];
}

/** The relations of some names, in their order, with their partitions. */
export function readChosenTables(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<ChosenTable[]> {
  return session.query<ChosenTable>(
    `WITH RECURSIVE asked AS (
       SELECT a.place, a.schema, a.name, c.oid, c.relkind
         FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (schema, name, place)
         LEFT JOIN pg_namespace n ON n.nspname = a.schema
         LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = a.name
     ), parts AS (
       SELECT place, oid, relkind FROM asked WHERE oid IS NOT NULL
       UNION
       SELECT p.place, c.oid, c.relkind
         FROM parts p JOIN pg_inherits i ON i.inhparent = p.oid JOIN pg_class c ON c.oid = i.inhrelid
        WHERE p.relkind = 'p'
     )
     SELECT a.schema, a.name, a.oid::int8::float8 AS oid, a.relkind::text AS kind,
            array(SELECT p.oid::int8::float8 FROM parts p WHERE p.place = a.place ORDER BY p.oid) AS parts
       FROM asked a ORDER BY a.place`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
    'looking for the tables',
  );
}

export interface ChosenPart extends TableRow {
  readonly oid: number;
  /** `relkind`: only "r" has rows of its own. */
  readonly kind: string;
  /** Inherits from a table that is not partitioned, or is inherited from. */
  readonly inherits: boolean;
  /** Of everything that belongs to it on disk. */
  readonly totalBytes: number;
}

/** Some relations, with what the role may do with them. Measuring them locks them. */
export function readChosenParts(session: Session, oids: readonly number[]): Promise<ChosenPart[]> {
  return session.query<ChosenPart>(
    `SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
            coalesce(pg_relation_size(c.oid), 0)::float8 AS "sizeBytes",
            coalesce(pg_total_relation_size(c.oid), 0)::float8 AS "totalBytes",
            has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
            c.relrowsecurity AND row_security_active(c.oid) AS "hidesRows",
            c.relkind = 'r' AND EXISTS (
              SELECT FROM pg_inherits i
               WHERE i.inhparent = c.oid OR (i.inhrelid = c.oid AND NOT c.relispartition)) AS inherits
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::int8[]::oid[])
      ORDER BY "sizeBytes" DESC, c.oid`,
    [oids],
    'reading the tables',
  );
}

/** Sequences that belong to columns of the tables, or that their defaults take values from. */
export function readSequencesOf(session: Session, oids: readonly number[]): Promise<SequenceRow[]> {
  return session.query<SequenceRow>(
    `SELECT n.nspname AS schema, c.relname AS name,
            has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT') AS readable
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND c.oid IN (
              SELECT d.objid FROM pg_depend d
               WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                 AND d.refobjid = ANY ($1::int8[]::oid[]) AND d.deptype IN ('a', 'i')
              UNION
              SELECT d.refobjid FROM pg_depend d JOIN pg_attrdef a ON a.oid = d.objid
               WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
                 AND a.adrelid = ANY ($1::int8[]::oid[]))
      ORDER BY c.oid`,
    [oids],
    'reading the sequences of the tables',
  );
}

/** Everything else that pg_dump would dump rows or values of. */
export function readOtherData(
  session: Session,
  kept: readonly QualifiedName[],
): Promise<QualifiedName[]> {
  return session.query<QualifiedName>(
    `SELECT n.nspname AS schema, c.relname AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm', 'S') AND c.relpersistence <> 't'
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND (n.nspname::text, c.relname::text) NOT IN (
              SELECT k.schema, k.name FROM unnest($1::text[], $2::text[]) AS k (schema, name))`,
    [kept.map(({ schema }) => schema), kept.map(({ name }) => name)],
    'listing the other tables',
  );
}

interface ReferenceRow {
  readonly constraint: string;
  readonly schema: string;
  readonly name: string;
  readonly otherSchema: string;
  readonly otherName: string;
}

/**
 * Foreign keys from rows of the tables to rows of others. Those of partitions come with the one of the partitioned
 * table, and what is NOT VALID is never checked.
 * @param oids tables with rows of their own
 */
export function readReferencesOut(
  session: Session,
  oids: readonly number[],
): Promise<ReferenceRow[]> {
  return session.query<ReferenceRow>(
    `WITH RECURSIVE chosen AS (SELECT unnest($1::int8[]::oid[]) AS oid),
     keys AS (
       SELECT oid, conname, conrelid, confrelid FROM pg_constraint
        WHERE contype = 'f' AND conparentid = 0 AND convalidated
     ), tree AS (
       SELECT oid AS root, oid FROM pg_class
        WHERE oid IN (SELECT conrelid FROM keys UNION SELECT confrelid FROM keys)
       UNION
       SELECT t.root, i.inhrelid FROM tree t JOIN pg_class c ON c.oid = t.oid AND c.relkind = 'p'
         JOIN pg_inherits i ON i.inhparent = t.oid
     ), leaves AS (
       SELECT t.root, t.oid, t.oid IN (SELECT oid FROM chosen) AS chosen
         FROM tree t JOIN pg_class c ON c.oid = t.oid AND c.relkind <> 'p'
     )
     SELECT k.conname AS "constraint", n.nspname AS schema, c.relname AS name,
            rn.nspname AS "otherSchema", r.relname AS "otherName"
       FROM keys k
       JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
      WHERE EXISTS (SELECT 1 FROM leaves l WHERE l.root = k.conrelid AND l.chosen)
        AND EXISTS (SELECT 1 FROM leaves l WHERE l.root = k.confrelid AND NOT l.chosen)
      ORDER BY 2, 3, 1`,
    [oids],
    'reading the foreign keys of the tables',
  );
}
