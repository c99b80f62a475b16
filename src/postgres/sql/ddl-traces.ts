/** Catalogs whose rows are objects, and others with rows that are part of one: by what column they say of which. */
const catalogs: readonly (readonly [catalog: string, id: string, of?: string])[] = [
  ['pg_namespace', 'oid'],
  ['pg_extension', 'oid'],
  ['pg_language', 'oid'],
  ['pg_default_acl', 'oid'],
  ['pg_foreign_data_wrapper', 'oid'],
  ['pg_foreign_server', 'oid'],
  ['pg_foreign_table', 'ftrelid', 'pg_class'],
  ['pg_class', 'oid'],
  ['pg_sequence', 'seqrelid', 'pg_class'],
  ['pg_index', 'indexrelid', 'pg_class'],
  ['pg_inherits', 'inhrelid', 'pg_class'],
  ['pg_constraint', 'oid'],
  ['pg_type', 'oid'],
  ['pg_enum', 'enumtypid', 'pg_type'],
  ['pg_proc', 'oid'],
  ['pg_aggregate', 'aggfnoid', 'pg_proc'],
  ['pg_trigger', 'oid'],
  ['pg_event_trigger', 'oid'],
  ['pg_rewrite', 'oid'],
  ['pg_policy', 'oid'],
  ['pg_statistic_ext', 'oid'],
  ['pg_operator', 'oid'],
  ['pg_opclass', 'oid'],
  ['pg_opfamily', 'oid'],
  ['pg_amop', 'amopfamily', 'pg_opfamily'],
  ['pg_amproc', 'amprocfamily', 'pg_opfamily'],
  ['pg_cast', 'oid'],
  ['pg_transform', 'oid'],
  ['pg_am', 'oid'],
  ['pg_ts_config', 'oid'],
  ['pg_ts_config_map', 'mapcfg', 'pg_ts_config'],
  ['pg_ts_dict', 'oid'],
  ['pg_ts_parser', 'oid'],
  ['pg_ts_template', 'oid'],
  ['pg_collation', 'oid'],
  ['pg_conversion', 'oid'],
  ['pg_publication', 'oid'],
  ['pg_publication_rel', 'prpubid', 'pg_publication'],
];

const rows = catalogs.map(
  ([catalog, id, of = catalog]) => `
    SELECT w.n, t.xmin FROM wanted w JOIN ${catalog} t ON t.${id} = w.id
     WHERE w.sub = 0 AND w.class = '${of}'::regclass`,
);

/**
 * When the rows of objects in the catalogs were last written, for addresses: classes, ids, and columns or 0. Only where
 * `track_commit_timestamp` is on; else it is an error. NULL for what the server has forgotten.
 */
export const writtenAtSql = `
  WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($1::oid[], $2::oid[], $3::int[]) WITH ORDINALITY AS w(class, id, sub, n)),
  written AS (${rows.join(' UNION ALL')}
    UNION ALL
    SELECT w.n, t.xmin FROM wanted w JOIN pg_rewrite t ON t.ev_class = w.id AND t.rulename = '_RETURN'
     WHERE w.sub = 0 AND w.class = 'pg_class'::regclass
    UNION ALL
    SELECT w.n, t.xmin FROM wanted w JOIN pg_attribute t ON t.attrelid = w.id AND t.attnum = w.sub
     WHERE w.sub > 0 AND w.class = 'pg_class'::regclass
    UNION ALL
    SELECT w.n, t.xmin FROM wanted w JOIN pg_attrdef t ON t.adrelid = w.id AND t.adnum = w.sub
     WHERE w.sub > 0 AND w.class = 'pg_class'::regclass
    UNION ALL
    SELECT w.n, t.xmin FROM wanted w JOIN pg_description t
      ON t.classoid = w.class AND t.objoid = w.id AND t.objsubid = w.sub)
  SELECT n::int - 1 AS index, max(pg_xact_commit_timestamp(xmin)) AS at FROM written GROUP BY n`;

/** When a column of each of these tables was last dropped: its row stays, without its name. */
export const droppedAtSql = `
  SELECT attrelid AS id, max(pg_xact_commit_timestamp(xmin)) AS at
    FROM pg_attribute WHERE attisdropped AND attrelid = ANY ($1::oid[]) GROUP BY attrelid`;

/** Whether the server keeps what is looked for, and whether this role may see it. */
export const traceSourcesSql = `
  SELECT current_setting('track_commit_timestamp') = 'on' AS "keepsTimes",
         pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS "mayReadAll",
         current_setting('pg_stat_statements.max', true) IS NOT NULL AS "isLoaded",
         (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
           WHERE e.extname = 'pg_stat_statements') AS "extensionSchema"`;

const isDdl = `~* '\\m(create|alter|drop|grant|revoke|comment|label|import|reassign|cluster|reindex)\\M'`;

/** What other sessions of the database run or ran last. */
export const activitySql = `
  SELECT query AS sql, query_start AS at, quote_ident(usename) AS role,
         concat_ws(', ', nullif(application_name, ''), host(client_addr)) AS place
    FROM pg_stat_activity
   WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename IS NOT NULL AND query ${isDdl}`;

/**
 * Statements that ran in the database since the statistics were reset. Only from PostgreSQL 17 on (1.11 of the
 * extension) do they say when they were first seen.
 * @param schema where the extension is, quoted
 */
export function statementsSql(schema: string, hasTimes: boolean): string {
  return `
    SELECT query AS sql, ${hasTimes ? 'stats_since' : 'NULL::timestamptz'} AS at,
           quote_ident(pg_get_userbyid(userid)) AS role, '' AS place
      FROM ${schema}.pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query ${isDdl}
     LIMIT 5000`;
}
