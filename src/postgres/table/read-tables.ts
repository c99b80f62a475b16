import type { QualifiedName } from '../../domain/qualified-name.js';
import type { Session } from '../session.js';
import type { ColumnShape } from '../sql/rows.js';
import { quoteQualifiedName } from '../sql/tables.js';

/** What a table is to others, as far as putting another in its place has to know. */
export interface TableFacts extends QualifiedName {
  readonly oid: number;
  /** relkind, e.g. "r" for an ordinary table. */
  readonly kind: string;
  readonly owner: string;
  /** The role may alter it. */
  readonly owned: boolean;
  readonly columns: readonly ColumnShape[];
  /** Columns of the primary key; null: none. */
  readonly key: readonly string[] | null;
  /** Tables that it inherits from, or is a partition of, as SQL names. */
  readonly parents: readonly string[];
  readonly children: readonly string[];
  /** Of a partition: "FOR VALUES …" or "DEFAULT". */
  readonly bound: string | null;
  readonly extension: string | null;
  /** A subscription writes to it. */
  readonly subscribed: boolean;
}

/** The relations that have these names, in the order of the names; undefined where there is none. */
export async function readTableFacts(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<(TableFacts | undefined)[]> {
  const rows = await session.query<TableFacts & { position: number }>(
    `SELECT w.position::int, n.nspname::text AS schema, c.relname::text AS name, c.oid::int8::float8 AS oid,
            c.relkind::text AS kind, pg_get_userbyid(c.relowner)::text AS owner,
            pg_has_role(c.relowner, 'USAGE') AS owned,
            coalesce((SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod))
                                      ORDER BY a.attnum)
                        FROM pg_attribute a
                       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
            (SELECT json_agg(a.attname ORDER BY k.ordinal)
               FROM pg_constraint p, unnest(p.conkey) WITH ORDINALITY k(attnum, ordinal)
               JOIN pg_attribute a ON a.attnum = k.attnum
              WHERE p.conrelid = c.oid AND p.contype = 'p' AND a.attrelid = c.oid) AS key,
            coalesce((SELECT json_agg(i.inhparent::regclass::text ORDER BY i.inhseqno)
                        FROM pg_inherits i WHERE i.inhrelid = c.oid), '[]') AS parents,
            coalesce((SELECT json_agg(i.inhrelid::regclass::text ORDER BY i.inhrelid::regclass::text)
                        FROM pg_inherits i WHERE i.inhparent = c.oid), '[]') AS children,
            pg_get_expr(c.relpartbound, c.oid) AS bound,
            (SELECT e.extname::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
              WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
                AND d.refclassid = 'pg_extension'::regclass) AS extension,
            EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid) AS subscribed
       FROM unnest($1::text[], $2::text[]) WITH ORDINALITY w(schema, name, position)
       JOIN pg_namespace n ON n.nspname = w.schema
       JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
    'looking at the tables',
  );
  return tables.map((_, index) => rows.find(({ position }) => position === index + 1));
}

/** Sequences that belong to columns of tables, and statistics objects on them. */
export interface OwnedObject extends QualifiedName {
  readonly kind: 'sequence' | 'statistics';
  /** SQL name of the table. */
  readonly table: string;
  readonly owner: string;
}

export function readOwnedObjects(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<OwnedObject[]> {
  return session.query<OwnedObject>(
    `SELECT 'sequence' AS kind, n.nspname::text AS schema, c.relname::text AS name, d.refobjid::regclass::text AS table,
            pg_get_userbyid(c.relowner)::text AS owner
       FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
       JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
        AND d.deptype IN ('a', 'i') AND d.refobjid = ANY ($1::regclass[])
     UNION ALL
     SELECT 'statistics', n.nspname::text, x.stxname::text, x.stxrelid::regclass::text,
            pg_get_userbyid(x.stxowner)::text
       FROM pg_statistic_ext x JOIN pg_namespace n ON n.oid = x.stxnamespace
      WHERE x.stxrelid = ANY ($1::regclass[])
      ORDER BY 1, 2, 3`,
    [tables.map(quoteQualifiedName)],
    'looking at what belongs to the tables',
  );
}
