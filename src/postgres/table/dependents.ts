import type { Session } from '../session.js';

/**
 * Objects that refer to a table by its OID, and would go on with the replaced one. "other": nothing can make these
 * refer to another table.
 */
export type DependentKind =
  | 'function'
  | 'view'
  | 'rule'
  | 'policy'
  | 'default'
  | 'materialized view'
  | 'other';

export interface Dependent {
  readonly kind: DependentKind;
  /** Catalog and OID of what is made again: of a view the view, not its rule. */
  readonly oid: number;
  /** As PostgreSQL describes it, e.g. "view app.open_orders". */
  readonly description: string;
  /** The role may replace it. */
  readonly owned: boolean;
  readonly owner: string;
  /** The relation that is locked to make it again, as an SQL name; null for a function. */
  readonly relation: string | null;
  readonly relationKind: string | null;
  /** Columns of the tables that it uses, "table OID" and name. */
  readonly columns: readonly { readonly table: number; readonly name: string }[];
}

/**
 * What is part of the tables themselves: indexes, constraints, defaults, triggers, policies, row types, their sequences,
 * …; everything that would be dropped with them without CASCADE. A publication lists a table but is no part of it,
 * and neither is the constraint trigger of another table.
 */
const familySql = `
  family AS (
    SELECT 'pg_class'::regclass::oid AS classid, unnest($1::oid[]) AS objid
    UNION
    SELECT d.classid, d.objid
      FROM family f JOIN pg_depend d ON d.refclassid = f.classid AND d.refobjid = f.objid
     WHERE d.deptype IN ('a', 'i', 'P', 'S') AND d.classid <> 'pg_publication_rel'::regclass
       AND NOT (d.classid = 'pg_trigger'::regclass
                AND EXISTS (SELECT FROM pg_trigger t WHERE t.oid = d.objid AND t.tgrelid <> ALL ($1::oid[])))
       AND NOT (d.classid = 'pg_constraint'::regclass
                AND EXISTS (SELECT FROM pg_constraint k WHERE k.oid = d.objid AND k.conrelid <> ALL ($1::oid[]))))`;

/** A foreign key is no dependent here, nor are its triggers on both tables: it is dropped and made again. */
const dependentsSql = `
  WITH RECURSIVE ${familySql}, users AS (
    SELECT d.classid, d.objid, bool_or(d.refclassid = 'pg_type'::regclass) AS "viaType",
           coalesce(json_agg(DISTINCT jsonb_build_object('table', d.refobjid::int8, 'name', a.attname))
                      FILTER (WHERE a.attname IS NOT NULL), '[]') AS columns
      FROM family f JOIN pg_depend d ON d.refclassid = f.classid AND d.refobjid = f.objid
      LEFT JOIN pg_attribute a ON d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($1::oid[])
                              AND a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND d.refobjsubid > 0
     WHERE (d.classid, d.objid) NOT IN (SELECT classid, objid FROM family)
       AND d.classid <> 'pg_publication_rel'::regclass
       AND NOT (d.classid = 'pg_constraint'::regclass
                AND EXISTS (SELECT FROM pg_constraint k WHERE k.oid = d.objid AND k.contype = 'f'))
       AND NOT (d.classid = 'pg_trigger'::regclass
                AND EXISTS (SELECT FROM pg_trigger t WHERE t.oid = d.objid AND t.tgisinternal))
     GROUP BY d.classid, d.objid)
  SELECT CASE WHEN u.classid = 'pg_proc'::regclass AND NOT u."viaType" THEN 'function'
              WHEN w.rulename = '_RETURN' AND c.relkind = 'v' THEN 'view'
              WHEN w.rulename = '_RETURN' AND c.relkind = 'm' THEN 'materialized view'
              WHEN u.classid = 'pg_rewrite'::regclass THEN 'rule'
              WHEN u.classid = 'pg_policy'::regclass THEN 'policy'
              WHEN u.classid = 'pg_attrdef'::regclass AND t.attgenerated = '' THEN 'default'
              ELSE 'other' END AS kind,
         CASE WHEN w.rulename = '_RETURN' THEN c.oid ELSE u.objid END::int8::float8 AS oid,
         CASE WHEN w.rulename = '_RETURN' THEN pg_describe_object('pg_class'::regclass, c.oid, 0)
              ELSE pg_describe_object(u.classid, u.objid, 0) END AS description,
         pg_has_role(coalesce(c.relowner, p.proowner, r.oid), 'USAGE') AS owned,
         pg_get_userbyid(coalesce(c.relowner, p.proowner, r.oid))::text AS owner, u.columns,
         c.oid::regclass::text AS relation, c.relkind::text AS "relationKind"
    FROM users u
    LEFT JOIN pg_rewrite w ON u.classid = 'pg_rewrite'::regclass AND w.oid = u.objid
    LEFT JOIN pg_policy y ON u.classid = 'pg_policy'::regclass AND y.oid = u.objid
    LEFT JOIN pg_attrdef e ON u.classid = 'pg_attrdef'::regclass AND e.oid = u.objid
    LEFT JOIN pg_attribute t ON t.attrelid = e.adrelid AND t.attnum = e.adnum
    LEFT JOIN pg_class c ON c.oid = coalesce(w.ev_class, y.polrelid, e.adrelid)
    LEFT JOIN pg_proc p ON u.classid = 'pg_proc'::regclass AND p.oid = u.objid
    JOIN pg_roles r ON r.rolname = current_user`;

/** Functions first and materialized views last: those are filled when they are made, from the others. */
const order: readonly DependentKind[] = [
  'other',
  'function',
  'view',
  'rule',
  'policy',
  'default',
  'materialized view',
];

/**
 * What refers to the tables, in the order in which it can be made to refer to others. A materialized view is
 * replaced itself, so what refers to that is among them, after it.
 */
export async function readDependents(
  session: Session,
  tables: readonly number[],
): Promise<Dependent[]> {
  const found = new Map<string, Dependent>();
  let roots = tables;
  // A chain of materialized views longer than this is no chain but a mistake here.
  for (let depth = 0; roots.length > 0 && depth < 100; depth += 1) {
    const rows = await session.query<Dependent>(
      dependentsSql,
      [roots],
      'looking at what uses the tables',
    );
    rows.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || a.oid - b.oid);
    for (const row of rows) {
      const key = `${row.kind}/${row.oid}`;
      const columns = [...(found.get(key)?.columns ?? []), ...row.columns];
      // Found once more: it comes after what it was found by now.
      found.delete(key);
      found.set(key, { ...row, columns });
    }
    roots = rows.filter(({ kind }) => kind === 'materialized view').map(({ oid }) => oid);
  }
  return [...found.values()];
}
