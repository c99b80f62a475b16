import {
  branch,
  madeByUser,
  notOfExtension,
  roleName,
  type SchemaQuery,
  yesIf,
} from './schema-scope.js';

/** How a trigger or rule is enabled, where that is not the usual way. */
const enabled = (flag: string): string =>
  `CASE ${flag} WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END`;

/**
 * The copies of a partitioned table's trigger on its partitions follow from it, so they are objects only
 * where somebody enabled or disabled one apart from it.
 */
const triggers: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_trigger',
      id: 'g.oid',
      kind: `'trigger'`,
      name: `r.name || '.' || quote_ident(g.tgname)`,
    },
    [
      ['on', 'r.name'],
      ['definition', 'pg_get_triggerdef(g.oid)'],
      [
        'enabled',
        `CASE WHEN p.oid IS NULL THEN ${enabled('g.tgenabled')}
                        ELSE coalesce(${enabled('g.tgenabled')}, 'origin') END`,
      ],
    ],
    `FROM relations r JOIN pg_trigger g ON g.tgrelid = r.oid
     LEFT JOIN pg_trigger p ON p.oid = g.tgparentid AND g.tgparentid <> 0
    WHERE (g.tgparentid = 0 AND NOT g.tgisinternal)
       OR (g.tgconstraint = 0 AND p.tgenabled <> g.tgenabled)`,
  );

const rules: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_rewrite',
      id: 'w.oid',
      kind: `'rule'`,
      name: `r.name || '.' || quote_ident(w.rulename)`,
    },
    [
      ['on', 'r.name'],
      ['definition', 'pg_get_ruledef(w.oid)'],
      ['enabled', enabled('w.ev_enabled')],
    ],
    `FROM relations r JOIN pg_rewrite w ON w.ev_class = r.oid
    WHERE NOT (w.rulename = '_RETURN' AND r.relkind IN ('v', 'm'))`,
  );

const policies: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_policy',
      id: 'y.oid',
      kind: `'policy'`,
      name: `r.name || '.' || quote_ident(y.polname)`,
    },
    [
      ['on', 'r.name'],
      ['restrictive', yesIf('NOT y.polpermissive')],
      [
        'command',
        `CASE y.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
                       WHEN 'd' THEN 'delete' ELSE 'all' END`,
      ],
      [
        'roles',
        `(SELECT json_agg(role ORDER BY role COLLATE "C")
            FROM (SELECT CASE WHEN id = 0 THEN 'PUBLIC' ELSE ${roleName('id')} END
                    FROM unnest(y.polroles) id) named(role))`,
        'list',
      ],
      ['using', 'pg_get_expr(y.polqual, y.polrelid)'],
      ['with check', 'pg_get_expr(y.polwithcheck, y.polrelid)'],
    ],
    'FROM relations r JOIN pg_policy y ON y.polrelid = r.oid',
  );

const statistics: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_statistic_ext',
      id: 'x.oid',
      kind: `'statistics object'`,
      name: `s.name || '.' || quote_ident(x.stxname)`,
    },
    [
      ['on', 'r.name'],
      ['owner', roleName('x.stxowner')],
      ['definition', 'pg_get_statisticsobjdef(x.oid)'],
      ['statistics', 'CASE WHEN x.stxstattarget >= 0 THEN x.stxstattarget::text END'],
    ],
    `FROM relations r JOIN pg_statistic_ext x ON x.stxrelid = r.oid
     JOIN schemas s ON s.oid = x.stxnamespace
    WHERE ${notOfExtension('pg_statistic_ext', 'x.oid')}`,
  );

const eventTriggers: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_event_trigger',
      id: 'e.oid',
      kind: `'event trigger'`,
      name: 'quote_ident(e.evtname)',
    },
    [
      ['owner', roleName('e.evtowner')],
      ['event', 'e.evtevent::text'],
      [
        'tags',
        `(SELECT json_agg(tag ORDER BY tag COLLATE "C") FROM unnest(e.evttags) tag)`,
        'list',
      ],
      ['function', 'e.evtfoid::regprocedure::text'],
      ['enabled', enabled('e.evtenabled')],
    ],
    `FROM pg_event_trigger e WHERE ${madeByUser('pg_event_trigger', 'e.oid')}`,
  );

export const ruleQueries: readonly SchemaQuery[] = [
  triggers,
  rules,
  policies,
  statistics,
  eventTriggers,
];
