import { madeByUser, scopeSql } from './schema-scope.js';

/** Catalogs whose rows the families read, or that are part of what they read. Rows of large objects are data. */
const known = [
  ...['pg_class', 'pg_type', 'pg_proc', 'pg_constraint', 'pg_attrdef', 'pg_rewrite', 'pg_trigger'],
  ...['pg_policy', 'pg_statistic_ext', 'pg_namespace', 'pg_extension', 'pg_language', 'pg_am'],
  ...['pg_default_acl', 'pg_foreign_data_wrapper', 'pg_foreign_server', 'pg_user_mapping'],
  ...[
    'pg_operator',
    'pg_opclass',
    'pg_opfamily',
    'pg_amop',
    'pg_amproc',
    'pg_cast',
    'pg_transform',
  ],
  ...['pg_event_trigger', 'pg_ts_config', 'pg_ts_dict', 'pg_ts_parser', 'pg_ts_template'],
  ...['pg_collation', 'pg_conversion', 'pg_publication', 'pg_publication_rel'],
  ...['pg_publication_namespace', 'pg_largeobject', 'pg_largeobject_metadata'],
]
  .map((name) => `'${name}'`)
  .join(', ');

/** Objects in the schemas of the system, where nothing of the user's is looked for, as superusers can make them. */
const inSystemSchemas = (
  [
    // A table's indexes, and the types of tables and of arrays, come with what they belong to.
    ['pg_class', 'relnamespace', `AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')`],
    ['pg_type', 'typnamespace', `AND typrelid = 0 AND typelem = 0 AND typtype <> 'm'`],
    ['pg_proc', 'pronamespace', ''],
    ['pg_operator', 'oprnamespace', ''],
  ] as const
)
  .map(
    ([catalog, namespace, and]) => `
      SELECT '${catalog}'::regclass::oid, oid FROM ${catalog}
       WHERE ${namespace} IN (SELECT oid FROM of_system) AND ${madeByUser(catalog, 'oid')} ${and}`,
  )
  .join(' UNION ALL');

/** What a newer version of PostgreSQL may have added to the kinds of what is in the user's schemas. */
const ofNewKinds = (
  [
    ['pg_class', 'relnamespace', 'relkind', `'r', 'p', 'v', 'm', 'f', 'S', 'i', 'I', 'c', 't'`],
    ['pg_proc', 'pronamespace', 'prokind', `'f', 'p', 'a', 'w'`],
    ['pg_type', 'typnamespace', 'typtype', `'b', 'c', 'd', 'e', 'm', 'p', 'r'`],
  ] as const
)
  .map(
    ([catalog, namespace, kind, kinds]) => `
      SELECT '${catalog}'::regclass::oid, oid FROM ${catalog}
       WHERE ${kind} NOT IN (${kinds}) AND ${madeByUser(catalog, 'oid')}
         AND ${namespace} IN (SELECT oid FROM schemas)`,
  )
  .join(' UNION ALL');

/** Catalogs with grants, the columns of a row's grants and schema, and the letter of acldefault(). */
const granted = (
  [
    [
      'pg_class',
      'relacl',
      'relowner',
      'relnamespace',
      `CASE relkind WHEN 'S' THEN 's' ELSE 'r' END`,
    ],
    ['pg_proc', 'proacl', 'proowner', 'pronamespace', `'f'`],
    ['pg_type', 'typacl', 'typowner', 'typnamespace', `'T'`],
    ['pg_namespace', 'nspacl', 'nspowner', 'oid', `'n'`],
    ['pg_language', 'lanacl', 'lanowner', '0', `'l'`],
  ] as const
)
  .map(
    ([catalog, acl, owner, namespace, letter]) => `
      SELECT '${catalog}'::regclass::oid AS class, oid, ${namespace} AS namespace, ${acl} AS now,
             acldefault(${letter}::"char", ${owner}) AS usual FROM ${catalog} WHERE ${acl} IS NOT NULL`,
  )
  .join(' UNION ALL');

const sorted = (acl: string): string =>
  `(SELECT array_agg(x.*::text ORDER BY x.*::text) FROM aclexplode(${acl}) x)`;

/**
 * What the families do not read, in the columns of the annotations. Nothing is left out by forgetting: whatever
 * PostgreSQL tracks as an object that is neither of a known catalog nor of a known kind is named, in its own words.
 *
 * Subscriptions are kept for the whole server and bound to one database, so that no copy of it has them. Grants on what
 * the system or an extension made can differ from those that it came with. What is marked to go with an extension
 * (DEPENDS ON EXTENSION) is read without the mark.
 */
export const unmodelledSql = `
  WITH ${scopeSql},
  -- Where information_schema was made anew, as notes of minor versions tell to, its OIDs say nothing.
  of_system AS (
    SELECT oid FROM pg_namespace WHERE oid < 16384 AND nspname IN ('pg_catalog', 'information_schema')),
  strangers AS (
    SELECT DISTINCT classid, objid FROM pg_depend
     WHERE objid >= 16384 AND classid NOT IN (SELECT oid FROM pg_class WHERE relname IN (${known}))
    UNION
    SELECT DISTINCT classid, objid FROM pg_shdepend
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND classid NOT IN (SELECT oid FROM pg_class WHERE relname IN (${known}))
    UNION ALL ${inSystemSchemas} UNION ALL ${ofNewKinds}),
  regranted AS (
    SELECT g.class, g.oid FROM (${granted}) g
      LEFT JOIN pg_init_privs i ON i.classoid = g.class AND i.objoid = g.oid AND i.objsubid = 0
     WHERE g.now IS DISTINCT FROM i.initprivs AND ${sorted('g.now')} IS DISTINCT FROM ${sorted('coalesce(i.initprivs, g.usual)')}
       AND (g.oid < 16384 AND g.namespace = 'pg_catalog'::regnamespace OR (g.class, g.oid) IN (SELECT classid, objid FROM members)
            OR g.class = 'pg_language'::regclass AND g.oid < 16384))
  SELECT 0::oid AS class, 0::oid AS id, 0 AS sub, 'unmodelled' AS what, type || ' ' || identity AS text
    FROM strangers, pg_identify_object(classid, objid, 0)
  UNION ALL
  SELECT 0, 0, 0, 'unmodelled', 'grants on ' || type || ' ' || identity
    FROM regranted, pg_identify_object(class, oid, 0)
  UNION ALL
  SELECT 0, 0, 0, 'unmodelled', 'dependency of ' || o.type || ' ' || o.identity || ' on ' || e.type || ' ' || e.identity
    FROM pg_depend, pg_identify_object(classid, objid, 0) o, pg_identify_object(refclassid, refobjid, 0) e
   WHERE deptype = 'x'
  UNION ALL
  SELECT 0, 0, 0, 'unmodelled', 'subscription ' || quote_ident(subname)
    FROM pg_subscription JOIN pg_database d ON d.oid = subdbid WHERE d.datname = current_database()`;
