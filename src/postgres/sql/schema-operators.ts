import {
  branch,
  functionName,
  madeByUser,
  notOfExtension,
  roleName,
  type SchemaQuery,
  yesIf,
} from './schema-scope.js';

const operatorOrNone = (oid: string): string =>
  `CASE WHEN ${oid} <> 0 THEN ${oid}::regoperator::text END`;

const operators: SchemaQuery = () =>
  branch(
    { catalog: 'pg_operator', id: 'o.oid', kind: `'operator'`, name: 'o.oid::regoperator::text' },
    [
      ['owner', roleName('o.oprowner')],
      ['function', functionName('o.oprcode')],
      ['commutator', operatorOrNone('o.oprcom')],
      ['negator', operatorOrNone('o.oprnegate')],
      ['restrict', functionName('o.oprrest')],
      ['join', functionName('o.oprjoin')],
      ['hashes', yesIf('o.oprcanhash')],
      ['merges', yesIf('o.oprcanmerge')],
    ],
    `FROM pg_operator o JOIN schemas s ON s.oid = o.oprnamespace
    WHERE ${notOfExtension('pg_operator', 'o.oid')}`,
  );

const familyName = (alias: string): string =>
  `(SELECT quote_ident(n.nspname) || '.' || quote_ident(f.opfname) FROM pg_opfamily f
      JOIN pg_namespace n ON n.oid = f.opfnamespace WHERE f.oid = ${alias})`;

const operatorClasses: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_opclass',
      id: 'o.oid',
      kind: `'operator class'`,
      name: `s.name || '.' || quote_ident(o.opcname) || ' using ' || quote_ident(m.amname)`,
    },
    [
      ['owner', roleName('o.opcowner')],
      ['type', 'format_type(o.opcintype, NULL)'],
      ['family', familyName('o.opcfamily')],
      ['default', yesIf('o.opcdefault')],
      ['storage', `CASE WHEN o.opckeytype <> 0 THEN format_type(o.opckeytype, NULL) END`],
    ],
    `FROM pg_opclass o JOIN schemas s ON s.oid = o.opcnamespace JOIN pg_am m ON m.oid = o.opcmethod
    WHERE ${notOfExtension('pg_opclass', 'o.oid')}`,
  );

/** The operators and functions of operator classes are listed at their families. */
const operatorFamilies: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_opfamily',
      id: 'f.oid',
      kind: `'operator family'`,
      name: `s.name || '.' || quote_ident(f.opfname) || ' using ' || quote_ident(m.amname)`,
    },
    [
      ['owner', roleName('f.opfowner')],
      [
        'operators',
        `(SELECT json_agg(p.amopstrategy || ' ' || p.amopopr::regoperator::text ||
                          CASE WHEN p.amopsortfamily <> 0 THEN ' for order by ' || ${familyName('p.amopsortfamily')}
                               ELSE '' END
                          ORDER BY p.amopstrategy, p.amopopr::regoperator::text COLLATE "C")
            FROM pg_amop p WHERE p.amopfamily = f.oid)`,
        'list',
      ],
      [
        'functions',
        `(SELECT json_agg(p.amprocnum || ' (' || format_type(p.amproclefttype, NULL) || ', ' ||
                          format_type(p.amprocrighttype, NULL) || ') ' || p.amproc::regprocedure::text
                          ORDER BY p.amprocnum, p.amproc::regprocedure::text COLLATE "C")
            FROM pg_amproc p WHERE p.amprocfamily = f.oid)`,
        'list',
      ],
    ],
    `FROM pg_opfamily f JOIN schemas s ON s.oid = f.opfnamespace JOIN pg_am m ON m.oid = f.opfmethod
    WHERE ${notOfExtension('pg_opfamily', 'f.oid')}`,
  );

const casts: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_cast',
      id: 'c.oid',
      kind: `'cast'`,
      name: `'(' || format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL) || ')'`,
    },
    [
      [
        'method',
        `CASE c.castmethod WHEN 'b' THEN 'binary' WHEN 'i' THEN 'in and out'
                           ELSE ${functionName('c.castfunc')} END`,
      ],
      [
        'context',
        `CASE c.castcontext WHEN 'e' THEN 'explicit' WHEN 'a' THEN 'assignment' ELSE 'implicit' END`,
      ],
    ],
    `FROM pg_cast c WHERE ${madeByUser('pg_cast', 'c.oid')}`,
  );

const transforms: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_transform',
      id: 't.oid',
      kind: `'transform'`,
      name: `format_type(t.trftype, NULL) || ' for ' || quote_ident(l.lanname)`,
    },
    [
      ['from sql', functionName('t.trffromsql')],
      ['to sql', functionName('t.trftosql')],
    ],
    `FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang
    WHERE ${madeByUser('pg_transform', 't.oid')}`,
  );

const accessMethods: SchemaQuery = () =>
  branch(
    { catalog: 'pg_am', id: 'm.oid', kind: `'access method'`, name: 'quote_ident(m.amname)' },
    [
      ['type', `CASE m.amtype WHEN 't' THEN 'table' ELSE 'index' END`],
      ['handler', functionName('m.amhandler')],
    ],
    `FROM pg_am m WHERE ${madeByUser('pg_am', 'm.oid')}`,
  );

export const operatorQueries: readonly SchemaQuery[] = [
  operators,
  operatorClasses,
  operatorFamilies,
  casts,
  transforms,
  accessMethods,
];
