import { quoteIdentifier, type Session } from '../session.js';
import type { SchemaFacts } from './read-schema.js';

const doing = 'renaming the schema in the copy';

/**
 * Gives everything in a schema the schema's new name, in the transaction of the session. Whatever refers to it follows, as
 * PostgreSQL keeps references by number.
 *
 * Where extensions have put objects into the schema these stay: extensions are made once in a database, and not all can be
 * moved. Then every other object is moved by itself, and the schema's own rights are given again.
 */
export async function renameSchema(
  session: Session,
  { from, to, facts }: { readonly from: string; readonly to: string; readonly facts: SchemaFacts },
): Promise<void> {
  const forget = `COMMENT ON SCHEMA ${quoteIdentifier(to)} IS NULL`;
  if (from === to) return session.execute(forget, doing);
  await clearName(session, to);
  if (facts.ofExtensions.length === 0) {
    await session.execute(
      `ALTER SCHEMA ${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}; ${forget}`,
      doing,
    );
    return;
  }
  await session.execute(`CREATE SCHEMA ${quoteIdentifier(to)}`, doing);
  await giveRights(session, facts.oid, to);
  const moves = await session.query<{ sql: string }>(movesSql, [facts.oid, to], doing);
  const sql = moves.map((move) => move.sql).join(';\n');
  if (sql !== '') await session.execute(sql, doing);
}

/** A branch of the same name that is in the copy as well makes room: its references follow. */
async function clearName(session: Session, to: string): Promise<void> {
  const found = await session.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [to], doing);
  if (found.length === 0) return;
  const { other } = await session.queryOne<{ other: string }>(
    `SELECT 'belay_' || substr(md5(random()::text), 1, 12) AS other`,
  );
  await session.execute(
    `ALTER SCHEMA ${quoteIdentifier(to)} RENAME TO ${quoteIdentifier(other)}`,
    doing,
  );
}

const own = (catalog: string, oid = 'o.oid') =>
  `NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${catalog}'::regclass AND d.objid = ${oid} AND d.deptype = 'e')`;
const move = (what: string, name: string): string =>
  `'ALTER ${what} ' || ${name} || ' SET SCHEMA ' || quote_ident($2)`;
const simple = (catalog: string, prefix: string, what: string): string =>
  `SELECT ${move(what, `format('%I.%I', n.nspname, o.${prefix}name)`)}
     FROM pg_${catalog} o JOIN pg_namespace n ON n.oid = o.${prefix}namespace WHERE n.oid = $1 AND ${own(`pg_${catalog}`)}`;
const byMethod = (catalog: string, prefix: string, what: string): string =>
  `SELECT ${move(what, `format('%I.%I USING %I', n.nspname, o.${prefix}name, m.amname)`)}
     FROM pg_${catalog} o JOIN pg_namespace n ON n.oid = o.${prefix}namespace
     JOIN pg_am m ON m.oid = o.${prefix}method WHERE n.oid = $1 AND ${own(`pg_${catalog}`)}`;

/**
 * Indexes, row types, arrays and sequences of columns move with what they belong to. What has types in its own name comes first:
 * it is named by where they are now.
 */
const movesSql = [
  `SELECT ${move('ROUTINE', 'o.oid::regprocedure::text')} FROM pg_proc o
    WHERE o.pronamespace = $1 AND ${own('pg_proc')}`,
  `SELECT ${move(
    'OPERATOR',
    `format('%I.%s (%s, %s)', n.nspname, o.oprname,
            CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END, format_type(o.oprright, NULL))`,
  )}
     FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE n.oid = $1 AND ${own('pg_operator')}`,
  `SELECT ${move('TABLE', `format('%I.%I', n.nspname, o.relname)`)}
     FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace
    WHERE n.oid = $1 AND o.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND o.relpersistence <> 't' AND ${own('pg_class')}
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = o.oid
                         AND o.relkind = 'S' AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i'))`,
  `SELECT ${move('TYPE', `format('%I.%I', n.nspname, o.typname)`)}
     FROM pg_type o JOIN pg_namespace n ON n.oid = o.typnamespace LEFT JOIN pg_class c ON c.oid = o.typrelid
    WHERE n.oid = $1 AND (o.typrelid = 0 OR c.relkind = 'c') AND ${own('pg_type')}
      AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = o.oid)`,
  byMethod('opclass', 'opc', 'OPERATOR CLASS'),
  byMethod('opfamily', 'opf', 'OPERATOR FAMILY'),
  simple('collation', 'coll', 'COLLATION'),
  simple('conversion', 'con', 'CONVERSION'),
  simple('statistic_ext', 'stx', 'STATISTICS'),
  simple('ts_config', 'cfg', 'TEXT SEARCH CONFIGURATION'),
  simple('ts_dict', 'dict', 'TEXT SEARCH DICTIONARY'),
  simple('ts_parser', 'prs', 'TEXT SEARCH PARSER'),
  simple('ts_template', 'tmpl', 'TEXT SEARCH TEMPLATE'),
]
  .map((select, rank) => `SELECT ${rank} AS rank, sql FROM (${select}) AS moves(sql)`)
  .join('\nUNION ALL ')
  .concat('\nORDER BY rank');

/** Owner, grants and default privileges of the schema itself, which the moving leaves behind. */
async function giveRights(session: Session, oid: number, to: string): Promise<void> {
  const rows = await session.query<{ sql: string }>(rightsSql, [oid, to], doing);
  if (rows.length > 0) await session.execute(rows.map(({ sql }) => sql).join(';\n'), doing);
}

const grantee = `CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END`;
const rightsSql = `
  SELECT format('ALTER SCHEMA %I OWNER TO %I', $2::text, pg_get_userbyid(nspowner)) AS sql
    FROM pg_namespace WHERE oid = $1
  UNION ALL
  SELECT format('GRANT %s ON SCHEMA %I TO ', a.privilege_type, $2::text) || ${grantee}
         || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    FROM pg_namespace, aclexplode(nspacl) a WHERE oid = $1
  UNION ALL
  SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT %s ON %s TO ', pg_get_userbyid(d.defaclrole), $2::text,
                a.privilege_type, CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
                                       WHEN 'f' THEN 'FUNCTIONS' ELSE 'TYPES' END) || ${grantee}
         || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    FROM pg_default_acl d, aclexplode(d.defaclacl) a WHERE d.defaclnamespace = $1`;
