import { replicationNamePattern } from '../../domain/shadow.js';
import { branch, notOfExtension, roleName, type SchemaQuery, yesIf } from './schema-scope.js';

/** "schema.table (columns) where (…)" for each table of a publication. */
function publishedTables(serverVersion: number): string {
  const narrowed = `
    CASE WHEN p.prattrs IS NULL THEN '' ELSE ' (' || (
      SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
       WHERE a.attrelid = p.prrelid AND a.attnum = ANY (p.prattrs)) || ')' END ||
    coalesce(' where ' || pg_get_expr(p.prqual, p.prrelid), '')`;
  const item = `p.prrelid::regclass::text${serverVersion >= 150000 ? ` || ${narrowed}` : ''}`;
  return `(SELECT json_agg(item ORDER BY item COLLATE "C")
             FROM (SELECT ${item} FROM pg_publication_rel p WHERE p.prpubid = b.oid) listed(item))`;
}

/**
 * Publications. Subscriptions are left out: they are kept for the whole server, bound to one database, so a
 * clone never has those of its source, and would always differ from it. Those of Belay's shadows are its own and no part of
 * the schema.
 */
const publications: SchemaQuery = (serverVersion) =>
  branch(
    {
      catalog: 'pg_publication',
      id: 'b.oid',
      kind: `'publication'`,
      name: 'quote_ident(b.pubname)',
    },
    [
      ['owner', roleName('b.pubowner')],
      ['all tables', yesIf('b.puballtables')],
      [
        'publishes',
        `concat_ws(', ', CASE WHEN b.pubinsert THEN 'insert' END, CASE WHEN b.pubupdate THEN 'update' END,
                         CASE WHEN b.pubdelete THEN 'delete' END, CASE WHEN b.pubtruncate THEN 'truncate' END)`,
      ],
      ['via root', yesIf('b.pubviaroot')],
      [
        'generated columns',
        serverVersion >= 180000 ? `CASE b.pubgencols WHEN 's' THEN 'stored' END` : 'NULL::text',
      ],
      ['tables', publishedTables(serverVersion), 'list'],
      [
        'schemas',
        serverVersion >= 150000
          ? `(SELECT json_agg(n.pnnspid::regnamespace::text ORDER BY n.pnnspid::regnamespace::text COLLATE "C")
                FROM pg_publication_namespace n WHERE n.pnpubid = b.oid)`
          : 'NULL::json',
        'list',
      ],
    ],
    `FROM pg_publication b WHERE ${notOfExtension('pg_publication', 'b.oid')}
       AND b.pubname !~ '${replicationNamePattern}'`,
  );

export const publicationQueries: readonly SchemaQuery[] = [publications];
