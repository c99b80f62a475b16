import {
  branch,
  functionName,
  notOfExtension,
  roleName,
  type SchemaQuery,
  yesIf,
} from './schema-scope.js';

const typeName = `s.name || '.' || quote_ident(t.typname)`;
const userTypes = `pg_type t JOIN schemas s ON s.oid = t.typnamespace`;
const ownTypes = notOfExtension('pg_type', 't.oid');
const collation = (of: string): string =>
  `CASE WHEN ${of} NOT IN (0, b.typcollation) THEN ${of}::regcollation::text END`;

const enums: SchemaQuery = () =>
  branch(
    { catalog: 'pg_type', id: 't.oid', kind: `'enum'`, name: typeName },
    [
      ['owner', roleName('t.typowner')],
      [
        'labels',
        `(SELECT json_agg(quote_literal(e.enumlabel) ORDER BY e.enumsortorder)
            FROM pg_enum e WHERE e.enumtypid = t.oid)`,
        'list',
      ],
    ],
    `FROM ${userTypes} WHERE t.typtype = 'e' AND ${ownTypes}`,
  );

const domains: SchemaQuery = () =>
  branch(
    { catalog: 'pg_type', id: 't.oid', kind: `'domain'`, name: typeName },
    [
      ['owner', roleName('t.typowner')],
      ['type', 'format_type(t.typbasetype, t.typtypmod)'],
      ['collation', collation('t.typcollation')],
      ['not null', yesIf('t.typnotnull')],
      ['default', 'coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault)'],
    ],
    `FROM ${userTypes} JOIN pg_type b ON b.oid = t.typbasetype WHERE t.typtype = 'd' AND ${ownTypes}`,
  );

/** The attributes of a composite type are objects of their own, of kind "column". */
const composites: SchemaQuery = () =>
  branch(
    { catalog: 'pg_type', id: 't.oid', kind: `'composite type'`, name: typeName },
    [
      ['owner', roleName('t.typowner')],
      [
        'column order',
        `(SELECT json_agg(quote_ident(a.attname) ORDER BY a.attnum) FROM pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`,
        'list',
      ],
    ],
    `FROM ${userTypes} JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
    WHERE t.typtype = 'c' AND ${ownTypes}`,
  );

const ranges: SchemaQuery = () =>
  branch(
    { catalog: 'pg_type', id: 't.oid', kind: `'range type'`, name: typeName },
    [
      ['owner', roleName('t.typowner')],
      ['subtype', 'format_type(g.rngsubtype, NULL)'],
      ['operator class', `quote_ident(n.nspname) || '.' || quote_ident(o.opcname)`],
      ['collation', collation('g.rngcollation')],
      ['canonical', functionName('g.rngcanonical')],
      ['difference', functionName('g.rngsubdiff')],
      ['multirange', 'g.rngmultitypid::regtype::text'],
    ],
    `FROM ${userTypes} JOIN pg_range g ON g.rngtypid = t.oid JOIN pg_type b ON b.oid = g.rngsubtype
     JOIN pg_opclass o ON o.oid = g.rngsubopc JOIN pg_namespace n ON n.oid = o.opcnamespace
    WHERE ${ownTypes}`,
  );

const baseTypes: SchemaQuery = () =>
  branch(
    { catalog: 'pg_type', id: 't.oid', kind: `'base type'`, name: typeName },
    [
      ['owner', roleName('t.typowner')],
      ['shell', yesIf('NOT t.typisdefined')],
      ['input', functionName('t.typinput')],
      ['output', functionName('t.typoutput')],
      ['receive', functionName('t.typreceive')],
      ['send', functionName('t.typsend')],
      ['modifier input', functionName('t.typmodin')],
      ['modifier output', functionName('t.typmodout')],
      ['analyze', functionName('t.typanalyze')],
      ['subscript', functionName('t.typsubscript')],
      ['length', 't.typlen::text'],
      ['by value', yesIf('t.typbyval')],
      ['alignment', 't.typalign::text'],
      ['storage', 't.typstorage::text'],
      [
        'category',
        `t.typcategory::text || CASE WHEN t.typispreferred THEN ' preferred' ELSE '' END`,
      ],
      ['delimiter', 't.typdelim::text'],
      ['element', `CASE WHEN t.typelem <> 0 THEN format_type(t.typelem, NULL) END`],
      ['collatable', yesIf('t.typcollation <> 0')],
      ['default', 't.typdefault'],
    ],
    `FROM ${userTypes} WHERE (t.typtype = 'b' OR NOT t.typisdefined) AND ${ownTypes}
      AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)`,
  );

export const typeQueries: readonly SchemaQuery[] = [enums, domains, composites, ranges, baseTypes];
