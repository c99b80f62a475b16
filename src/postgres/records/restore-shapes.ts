import type { ColumnShape, ConstraintShape, TableShape } from '../../domain/data-rollback.js';
import type { Session } from '../session.js';

interface ShapeRow extends Omit<TableShape, 'columns' | 'constraints'> {
  readonly columns: readonly ColumnShape[] | null;
  readonly constraints: readonly ConstraintShape[] | null;
  readonly indexes: readonly ConstraintShape[] | null;
}

const doing = 'reading the tables';

/** Names of the columns with these numbers, in their order. */
const names = (table: string, numbers: string): string =>
  `(SELECT json_agg(a.attname ORDER BY n.place)
      FROM unnest(${numbers}) WITH ORDINALITY AS n (number, place)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = ${table} AND a.attnum = n.number)`;

const columnsSql = `
  SELECT json_agg(json_build_object(
           'number', a.attnum, 'name', a.attname, 'sql', quote_ident(a.attname),
           'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
           'hasDefault', a.atthasdef OR a.attidentity <> '', 'isGenerated', a.attgenerated <> '',
           'collation', CASE WHEN a.attcollation <> 0 THEN
              (SELECT quote_ident(s.nspname) || '.' || quote_ident(l.collname)
                 FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace s ON s.oid = l.collnamespace
                WHERE l.oid = a.attcollation) END) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`;

const constraintsSql = `
  SELECT json_agg(CASE k.contype
           WHEN 'c' THEN json_build_object('kind', 'check', 'oid', k.oid::int8, 'name', k.conname,
             'expression', pg_get_expr(k.conbin, k.conrelid), 'columns', coalesce(${names('k.conrelid', 'k.conkey')}, '[]'))
           ELSE json_build_object('kind', 'foreign key', 'oid', k.oid::int8, 'name', k.conname,
             'columns', ${names('k.conrelid', 'k.conkey')}, 'parent', k.confrelid::int8,
             'parentColumns', ${names('k.confrelid', 'k.confkey')}) END)
    FROM pg_catalog.pg_constraint k
   WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f') AND k.convalidated AND k.conparentid = 0`;

/** Unique keys are known by their indexes, whether or not a constraint stands behind them. */
const indexesSql = (serverVersion: number) => `
  SELECT json_agg(json_build_object('kind', 'unique', 'oid', x.indexrelid::int8, 'name', i.relname,
           'by', (SELECT json_agg(pg_get_indexdef(x.indexrelid, n, false) ORDER BY n)
                    FROM generate_series(1, x.indnkeyatts) n),
           'columns', coalesce((SELECT json_agg(a.attname) FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum IN (
                SELECT d.refobjsubid FROM pg_catalog.pg_depend d
                 WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = x.indexrelid AND d.refobjid = c.oid
                UNION SELECT unnest(x.indkey::int2[]))), '[]'),
           'where', pg_get_expr(x.indpred, x.indrelid),
           'nullsNotDistinct', ${serverVersion >= 150000 ? 'x.indnullsnotdistinct' : 'false'}))
    FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
   WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid`;

/** All tables of the user's, as a rollback of data has to know them. */
export async function readTableShapes(session: Session): Promise<TableShape[]> {
  const rows = await session.query<ShapeRow>(
    `SELECT c.oid::int8::float8 AS oid, s.nspname AS schema, c.relname AS name,
            quote_ident(s.nspname) || '.' || quote_ident(c.relname) AS sql,
            c.relkind = 'p' AS "isPartitioned",
            EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid) AS "hasChildren",
            (${columnsSql}) AS columns, (${constraintsSql}) AS constraints,
            (${indexesSql(session.serverVersion)}) AS indexes
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
        AND s.nspname !~ '^pg_' AND s.nspname <> 'information_schema'
      ORDER BY c.oid`,
    [],
    doing,
  );
  return rows.map(({ columns, constraints, indexes, ...table }) => ({
    ...table,
    columns: columns ?? [],
    constraints: [...(constraints ?? []), ...(indexes ?? [])],
  }));
}
