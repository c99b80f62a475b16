import {
  branch,
  foreignOptions,
  roleName,
  type SchemaQuery,
  sortedOptions,
  yesIf,
} from './schema-scope.js';

/**
 * Tables, foreign tables, views and materialized views. Tablespaces are left out: they say where the
 * bytes are, and another server has others.
 *
 * The order of a table's columns is put together from the columns themselves.
 */
const relations: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_class',
      id: 'c.oid',
      kind: `CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                            WHEN 'f' THEN 'foreign table' ELSE 'table' END`,
      name: 'r.name',
    },
    [
      ['owner', roleName('c.relowner')],
      ['unlogged', yesIf(`c.relpersistence = 'u'`)],
      ['access method', `CASE WHEN am.amname <> 'heap' THEN quote_ident(am.amname) END`],
      ['of type', `CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype::text END`],
      ['partition by', `CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END`],
      [
        'partition of',
        `CASE WHEN c.relispartition THEN
           (SELECT i.inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = c.oid) END`,
      ],
      ['partition bound', 'pg_get_expr(c.relpartbound, c.oid)'],
      [
        'inherits',
        `CASE WHEN NOT c.relispartition THEN
           (SELECT json_agg(i.inhparent::regclass::text ORDER BY i.inhseqno)
              FROM pg_inherits i WHERE i.inhrelid = c.oid) END`,
        'list',
      ],
      ['row level security', yesIf('c.relrowsecurity')],
      ['force row level security', yesIf('c.relforcerowsecurity')],
      [
        'replica identity',
        `CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN CASE WHEN c.relkind IN ('r', 'p') THEN 'nothing' END
                             WHEN 'i' THEN 'index' END`,
      ],
      ['options', sortedOptions('c.reloptions'), 'list'],
      ['toast options', sortedOptions('toast.reloptions'), 'list'],
      ['server', 'quote_ident(fs.srvname)'],
      ['foreign options', foreignOptions('ft.ftoptions'), 'list'],
      ['definition', `CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END`],
    ],
    `FROM relations r JOIN pg_class c ON c.oid = r.oid
     LEFT JOIN pg_am am ON am.oid = c.relam
     LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid AND c.reltoastrelid <> 0
     LEFT JOIN pg_foreign_table ft ON ft.ftrelid = c.oid
     LEFT JOIN pg_foreign_server fs ON fs.oid = ft.ftserver
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')`,
  );

/** Sequences with their parameters. Their values are data, which the fingerprint has. */
const sequences: SchemaQuery = () =>
  branch(
    { catalog: 'pg_class', id: 'c.oid', kind: `'sequence'`, name: 'r.name' },
    [
      ['owned by', `coalesce(o.name, d.refobjid::regclass::text) || '.' || quote_ident(a.attname)`],
      ['identity', yesIf(`d.deptype = 'i'`)],
      ['owner', roleName('c.relowner')],
      ['unlogged', yesIf(`c.relpersistence = 'u'`)],
      ['type', 'format_type(q.seqtypid, NULL)'],
      ['start', 'q.seqstart::text'],
      ['increment', 'q.seqincrement::text'],
      ['minimum', 'q.seqmin::text'],
      ['maximum', 'q.seqmax::text'],
      ['cache', `CASE WHEN q.seqcache <> 1 THEN q.seqcache::text END`],
      ['cycle', yesIf('q.seqcycle')],
    ],
    `FROM relations r JOIN pg_class c ON c.oid = r.oid JOIN pg_sequence q ON q.seqrelid = c.oid
     LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
           AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
     LEFT JOIN relations o ON o.oid = d.refobjid
     LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE c.relkind = 'S'`,
  );

export const relationQueries: readonly SchemaQuery[] = [relations, sequences];
