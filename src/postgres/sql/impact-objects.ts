import { family, isUsers } from './impact-scope.js';

export const schemasSql = family(['n.oid', 'n.nspname'], 'FROM spaces n WHERE n.is_users');

export const typesSql = family(
  [
    ...['t.oid', 't.typname', 'n.nspname', 't.typtype', 'e.labels'],
    `CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END`,
    ...['t.typrelid', `CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END`],
    't.typnotnull',
  ],
  `FROM pg_type t JOIN spaces n ON n.oid = t.typnamespace
   LEFT JOIN (SELECT enumtypid, json_agg(enumlabel ORDER BY enumsortorder) AS labels FROM pg_enum GROUP BY 1) e
     ON e.enumtypid = t.oid
   WHERE ${isUsers('t.oid')}`,
);

/** Types of arguments by their names in pg_type: "pg_catalog.int4", what the grammar makes of `int`. */
const argumentTypes = `(SELECT json_agg(s.nspname || '.' || t.typname ORDER BY a.place)
     FROM unnest(p.proargtypes) WITH ORDINALITY AS a (oid, place)
     JOIN pg_type t ON t.oid = a.oid JOIN pg_namespace s ON s.oid = t.typnamespace)`;

export const routinesSql = family(
  [
    ...[
      'p.oid',
      'p.proname',
      'n.nspname',
      'p.prokind',
      'pg_get_function_identity_arguments(p.oid)',
    ],
    ...[
      'l.lanname',
      'p.provolatile',
      `CASE WHEN l.lanname NOT IN ('c', 'internal') THEN p.prosrc END`,
    ],
    argumentTypes,
  ],
  `FROM pg_proc p JOIN spaces n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
   WHERE ${isUsers('p.oid')}`,
);

/** Catalogs whose objects have families of their own, or are only ever parts of others. */
const otherwiseKnown = `('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass, 'pg_constraint'::regclass,
    'pg_trigger'::regclass, 'pg_attrdef'::regclass, 'pg_namespace'::regclass, 'pg_amop'::regclass, 'pg_amproc'::regclass)`;

/** What nothing needs to depend on, so that pg_depend alone would not show it. */
const independent = [
  'pg_extension',
  'pg_publication',
  'pg_language',
  'pg_foreign_data_wrapper',
  'pg_am',
]
  .map(
    (catalog) =>
      `SELECT '${catalog}'::regclass::oid, oid FROM ${catalog} WHERE oid >= 16384 OR '${catalog}' = 'pg_extension'`,
  )
  .join(' UNION ');

export const othersSql = family(
  [
    ...[
      'o.classid',
      'o.objid',
      'i.type',
      'i.identity',
      'i.schema',
      'coalesce(i.name, r.rulename, p.polname)',
    ],
    `coalesce(r.ev_class, p.polrelid, m.prrelid, s.stxrelid, 0)`,
  ],
  `FROM (SELECT classid, objid FROM pg_depend
          WHERE objid >= 16384 AND classid NOT IN ${otherwiseKnown}
         UNION ${independent}) o
   LEFT JOIN pg_rewrite r ON o.classid = 'pg_rewrite'::regclass AND r.oid = o.objid
   LEFT JOIN pg_policy p ON o.classid = 'pg_policy'::regclass AND p.oid = o.objid
   LEFT JOIN pg_publication_rel m ON o.classid = 'pg_publication_rel'::regclass AND m.oid = o.objid
   LEFT JOIN pg_statistic_ext s ON o.classid = 'pg_statistic_ext'::regclass AND s.oid = o.objid,
   pg_identify_object(o.classid, o.objid, 0) i
   WHERE r.rulename IS DISTINCT FROM '_RETURN'`,
);

/** One text: there are ten times as many as of anything else. */
export const dependenciesSql = `(SELECT string_agg(concat_ws(' ', classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype), ',')
    FROM pg_depend WHERE objid >= 16384 OR deptype = 'e')`;

export const catalogNamesSql = `(SELECT json_object_agg(oid, relname) FROM pg_class
    WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r')`;

export const volatileFunctionsSql = `(SELECT json_agg(DISTINCT proname) FROM pg_proc WHERE provolatile = 'v')`;

/** Objects of this database by the role that owns them, for DROP OWNED. Everything of the first superuser is left out by PostgreSQL. */
export const ownedSql = family(
  ['pg_get_userbyid(d.refobjid)', 'd.classid', 'd.objid'],
  `FROM pg_shdepend d WHERE d.deptype = 'o' AND d.refclassid = 'pg_authid'::regclass
     AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())`,
);
