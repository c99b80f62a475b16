import { branch, type SchemaQuery, sortedOptions, yesIf } from './schema-scope.js';

/**
 * Whether the triggers behind a foreign key are disabled (DISABLE TRIGGER ALL) is left out: a dump does not keep
 * it, so every restored copy would differ.
 *
 * What a table or a partitioned table entails is left out, as it follows from the parent's own: inherited
 * CHECK and NOT NULL constraints, and the foreign keys of partitions, whose names a dump does not keep.
 */
const entailed = `(k.contype IN ('c', 'n') AND k.coninhcount > 0 AND NOT k.conislocal)
               OR (k.contype = 'n' AND k.coninhcount > 0)
               OR (k.contype = 'f' AND k.conparentid <> 0)`;

/**
 * PostgreSQL 18 (17 for domains) keeps NOT NULL as a constraint. One with the name it gets by itself says
 * no more than the column's "not null", and older versions do not have it.
 */
const plainNotNull = (holder: string, column: string): string =>
  `k.contype = 'n' AND k.convalidated AND NOT k.connoinherit
     AND (k.conname = ${holder} || '_' || ${column} || 'not_null'
          OR (octet_length(k.conname) = 63 AND k.conname LIKE '%\\_not\\_null'))
     AND NOT EXISTS (SELECT FROM pg_description e
                      WHERE e.classoid = 'pg_constraint'::regclass AND e.objoid = k.oid)`;

const tableConstraints: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_constraint',
      id: 'k.oid',
      kind: `'constraint'`,
      name: `r.name || '.' || quote_ident(k.conname)`,
    },
    [
      ['on', 'r.name'],
      ['attached to', `p.conrelid::regclass::text || '.' || quote_ident(p.conname)`],
      ['definition', 'pg_get_constraintdef(k.oid)'],
      [
        'options',
        sortedOptions(`CASE WHEN k.contype IN ('p', 'u', 'x') THEN i.reloptions END`),
        'list',
      ],
    ],
    `FROM relations r JOIN pg_constraint k ON k.conrelid = r.oid
     LEFT JOIN pg_constraint p ON p.oid = k.conparentid AND k.conparentid <> 0
     LEFT JOIN pg_class i ON i.oid = k.conindid AND k.conindid <> 0
    WHERE k.contype <> 't' AND NOT (${entailed})
      AND NOT (${plainNotNull(
        'r.relname',
        `coalesce((SELECT a.attname || '_' FROM pg_attribute a
                    WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[1]), '')`,
      )})`,
  );

const domainName = `s.name || '.' || quote_ident(t.typname)`;

const domainConstraints: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_constraint',
      id: 'k.oid',
      kind: `'constraint'`,
      name: `${domainName} || '.' || quote_ident(k.conname)`,
    },
    [
      ['on', domainName],
      ['definition', 'pg_get_constraintdef(k.oid)'],
    ],
    `FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid JOIN schemas s ON s.oid = t.typnamespace
    WHERE k.contypid <> 0
      AND t.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_type'::regclass)
      AND NOT (${plainNotNull('t.typname', `''`)})`,
  );

/**
 * An index that belongs to a constraint has no definition here: the constraint's says the same, and
 * one change would be told twice.
 */
const indexes: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_class',
      id: 'c.oid',
      kind: `'index'`,
      name: `s.name || '.' || quote_ident(c.relname)`,
    },
    [
      ['on', 'r.name'],
      ['owned by', `CASE WHEN k.oid IS NOT NULL THEN r.name || '.' || quote_ident(k.conname) END`],
      ['attached to', 'h.inhparent::regclass::text'],
      ['definition', 'CASE WHEN k.oid IS NULL THEN pg_get_indexdef(c.oid) END'],
      ['invalid', yesIf('NOT x.indisvalid')],
      ['clustered', yesIf('x.indisclustered')],
      ['replica identity', yesIf('x.indisreplident')],
      ['statistics', 'targets.list', 'list'],
    ],
    `FROM relations r JOIN pg_index x ON x.indrelid = r.oid JOIN pg_class c ON c.oid = x.indexrelid
     JOIN schemas s ON s.oid = c.relnamespace
     LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.conrelid = x.indrelid
                              AND k.contype IN ('p', 'u', 'x')
     LEFT JOIN pg_inherits h ON h.inhrelid = c.oid
     LEFT JOIN (SELECT attrelid, json_agg(attnum || ': ' || attstattarget ORDER BY attnum) AS list
                  FROM pg_attribute WHERE attstattarget >= 0 AND attnum > 0 AND attrelid >= 16384 GROUP BY attrelid
               ) targets ON targets.attrelid = c.oid
    WHERE r.relkind IN ('r', 'p', 'm')`,
  );

export const constraintQueries: readonly SchemaQuery[] = [
  tableConstraints,
  domainConstraints,
  indexes,
];
