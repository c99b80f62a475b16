import { branch, type SchemaQuery, sortedOptions, yesIf } from './schema-scope.js';

/** Looked up only where there is one: joining would ask for every column. */
const expression = (table: string): string =>
  `(SELECT pg_get_expr(d.adbin, ${table}) FROM pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum)`;

/** Columns of tables, views and composite types. */
const columns: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_class',
      id: 'r.oid',
      sub: 'a.attnum',
      kind: `'column'`,
      name: `r.name || '.' || quote_ident(a.attname)`,
    },
    [
      ['on', 'r.name'],
      ['type', 'format_type(a.atttypid, a.atttypmod)'],
      [
        'collation',
        `CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
              THEN a.attcollation::regcollation::text END`,
      ],
      ['not null', yesIf('a.attnotnull')],
      // A default names no column. Told of the table, PostgreSQL would read all that it is made of for each.
      ['default', `CASE WHEN a.atthasdef AND a.attgenerated = '' THEN ${expression('0')} END`],
      [
        'generated',
        `CASE a.attgenerated WHEN 's' THEN ${expression('a.attrelid')} || ' STORED'
                             WHEN 'v' THEN ${expression('a.attrelid')} || ' VIRTUAL' END`,
      ],
      ['identity', `CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END`],
      [
        'storage',
        `CASE WHEN a.attstorage <> t.typstorage THEN
           CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external'
                             WHEN 'm' THEN 'main' ELSE 'extended' END END`,
      ],
      ['compression', `CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END`],
      // -1 until PostgreSQL 16, NULL from 17.
      ['statistics', 'CASE WHEN a.attstattarget >= 0 THEN a.attstattarget::text END'],
      ['options', sortedOptions('a.attoptions'), 'list'],
      ['foreign options', sortedOptions('a.attfdwoptions'), 'list'],
      ['inherited', yesIf('a.attinhcount > 0'), 'hidden'],
    ],
    `FROM relations r
     JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
     JOIN pg_type t ON t.oid = a.atttypid
    WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')`,
  );

export const columnQueries: readonly SchemaQuery[] = [columns];
