import {
  branch,
  functionName,
  notOfExtension,
  roleName,
  type SchemaQuery,
  yesIf,
} from './schema-scope.js';

const configurations: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_ts_config',
      id: 'c.oid',
      kind: `'text search configuration'`,
      name: `s.name || '.' || quote_ident(c.cfgname)`,
    },
    [
      ['owner', roleName('c.cfgowner')],
      [
        'parser',
        `(SELECT quote_ident(n.nspname) || '.' || quote_ident(p.prsname) FROM pg_ts_parser p
            JOIN pg_namespace n ON n.oid = p.prsnamespace WHERE p.oid = c.cfgparser)`,
      ],
      [
        'mappings',
        `(SELECT json_agg(mapping ORDER BY mapping COLLATE "C") FROM (
            SELECT k.alias || ': ' || string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno)
              FROM pg_ts_config_map m JOIN ts_token_type(c.cfgparser) k ON k.tokid = m.maptokentype
             WHERE m.mapcfg = c.oid GROUP BY k.alias) listed(mapping))`,
        'list',
      ],
    ],
    `FROM pg_ts_config c JOIN schemas s ON s.oid = c.cfgnamespace
    WHERE ${notOfExtension('pg_ts_config', 'c.oid')}`,
  );

const dictionaries: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_ts_dict',
      id: 'd.oid',
      kind: `'text search dictionary'`,
      name: `s.name || '.' || quote_ident(d.dictname)`,
    },
    [
      ['owner', roleName('d.dictowner')],
      [
        'template',
        `(SELECT quote_ident(n.nspname) || '.' || quote_ident(t.tmplname) FROM pg_ts_template t
            JOIN pg_namespace n ON n.oid = t.tmplnamespace WHERE t.oid = d.dicttemplate)`,
      ],
      ['options', 'd.dictinitoption'],
    ],
    `FROM pg_ts_dict d JOIN schemas s ON s.oid = d.dictnamespace
    WHERE ${notOfExtension('pg_ts_dict', 'd.oid')}`,
  );

const parsers: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_ts_parser',
      id: 'p.oid',
      kind: `'text search parser'`,
      name: `s.name || '.' || quote_ident(p.prsname)`,
    },
    [
      ['start', functionName('p.prsstart')],
      ['token', functionName('p.prstoken')],
      ['end', functionName('p.prsend')],
      ['headline', functionName('p.prsheadline')],
      ['types', functionName('p.prslextype')],
    ],
    `FROM pg_ts_parser p JOIN schemas s ON s.oid = p.prsnamespace
    WHERE ${notOfExtension('pg_ts_parser', 'p.oid')}`,
  );

const templates: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_ts_template',
      id: 't.oid',
      kind: `'text search template'`,
      name: `s.name || '.' || quote_ident(t.tmplname)`,
    },
    [
      ['init', functionName('t.tmplinit')],
      ['lexize', functionName('t.tmpllexize')],
    ],
    `FROM pg_ts_template t JOIN schemas s ON s.oid = t.tmplnamespace
    WHERE ${notOfExtension('pg_ts_template', 't.oid')}`,
  );

/** The version of a collation is left out: it is the operating system's, not the schema's. */
const collations: SchemaQuery = (serverVersion) => {
  const icuLocale =
    serverVersion >= 170000
      ? 'c.colllocale'
      : serverVersion >= 150000
        ? 'c.colliculocale'
        : 'NULL::text';
  return branch(
    {
      catalog: 'pg_collation',
      id: 'c.oid',
      kind: `'collation'`,
      name: `s.name || '.' || quote_ident(c.collname)`,
    },
    [
      ['owner', roleName('c.collowner')],
      [
        'provider',
        `CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'c' THEN 'libc' WHEN 'b' THEN 'builtin'
                             ELSE c.collprovider::text END`,
      ],
      ['encoding', 'CASE WHEN c.collencoding >= 0 THEN pg_encoding_to_char(c.collencoding) END'],
      // PostgreSQL 14 has the locale of ICU collations where those of libc are.
      ['locale', `coalesce(${icuLocale}, c.collcollate)`],
      ['ctype', `nullif(c.collctype, c.collcollate)`],
      ['rules', serverVersion >= 160000 ? 'c.collicurules' : 'NULL::text'],
      ['nondeterministic', yesIf('NOT c.collisdeterministic')],
    ],
    `FROM pg_collation c JOIN schemas s ON s.oid = c.collnamespace
    WHERE ${notOfExtension('pg_collation', 'c.oid')}`,
  );
};

const conversions: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_conversion',
      id: 'c.oid',
      kind: `'conversion'`,
      name: `s.name || '.' || quote_ident(c.conname)`,
    },
    [
      ['owner', roleName('c.conowner')],
      ['from', 'pg_encoding_to_char(c.conforencoding)'],
      ['to', 'pg_encoding_to_char(c.contoencoding)'],
      ['function', functionName('c.conproc')],
      ['default', yesIf('c.condefault')],
    ],
    `FROM pg_conversion c JOIN schemas s ON s.oid = c.connamespace
    WHERE ${notOfExtension('pg_conversion', 'c.oid')}`,
  );

export const textQueries: readonly SchemaQuery[] = [
  configurations,
  dictionaries,
  parsers,
  templates,
  collations,
  conversions,
];
