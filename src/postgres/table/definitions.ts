import type { QualifiedName } from '../../domain/qualified-name.js';
import { BelayError } from '../../errors.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import type { Dependent, DependentKind } from './dependents.js';

/** SQL that makes an object again; run once another table has the name, the object refers to that. */
type ReadDefinition = (session: Session, oid: number) => Promise<string>;

const doing = 'reading what uses the tables';

/** Options ("name=value") in `WITH (…)`: without them OR REPLACE would take them away. */
function withOptions(options: readonly string[] | null): string {
  const list = (options ?? []).map((option) => {
    const at = option.indexOf('=');
    const value = at < 0 ? '' : ` = ${quoteLiteral(option.slice(at + 1))}`;
    return `${at < 0 ? option : option.slice(0, at)}${value}`;
  });
  return list.length === 0 ? '' : ` WITH (${list.join(', ')})`;
}

const readView: ReadDefinition = async (session, oid) => {
  const view = await session.queryOne<{ name: string; options: string[] | null; query: string }>(
    `SELECT oid::regclass::text AS name, reloptions AS options, pg_get_viewdef(oid) AS query
       FROM pg_class WHERE oid = $1`,
    [oid],
    doing,
  );
  return `CREATE OR REPLACE VIEW ${view.name}${withOptions(view.options)} AS ${view.query}`;
};

const readRule: ReadDefinition = async (session, oid) => {
  const { rule } = await session.queryOne<{ rule: string }>(
    'SELECT pg_get_ruledef($1::oid) AS rule',
    [oid],
    doing,
  );
  return rule.replace(/^CREATE RULE/, 'CREATE OR REPLACE RULE');
};

const readFunction: ReadDefinition = async (session, oid) => {
  const { body } = await session.queryOne<{ body: string }>(
    'SELECT pg_get_functiondef($1::oid) AS body',
    [oid],
    doing,
  );
  return body;
};

const readPolicy: ReadDefinition = async (session, oid) => {
  const { sql } = await session.queryOne<{ sql: string }>(
    `SELECT format('ALTER POLICY %I ON %s', polname, polrelid::regclass)
            || coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '')
            || coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '') AS sql
       FROM pg_policy WHERE oid = $1`,
    [oid],
    doing,
  );
  return sql;
};

const readDefault: ReadDefinition = async (session, oid) => {
  const { sql } = await session.queryOne<{ sql: string }>(
    `SELECT format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT ', d.adrelid::regclass, a.attname)
            || pg_get_expr(d.adbin, d.adrelid) AS sql
       FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
      WHERE d.oid = $1`,
    [oid],
    doing,
  );
  return sql;
};

const readers: Readonly<Partial<Record<DependentKind, ReadDefinition>>> = {
  view: readView,
  rule: readRule,
  function: readFunction,
  policy: readPolicy,
  default: readDefault,
};

/** SQL that makes what refers to a table refer to the one that has its name then. Not for materialized views. */
export function readDefinition(session: Session, { kind, oid, description }: Dependent) {
  const read = readers[kind];
  if (!read) throw new BelayError('BUG', `${description} cannot be made again`);
  return read(session, oid);
}

/** A table in a publication. */
export interface Membership {
  readonly publication: string;
  readonly table: QualifiedName;
  /** SQL after `ADD TABLE name`: columns and filter, where there are any. */
  readonly narrowed: string;
  readonly owned: boolean;
}

/** Publications that list the tables by name. Those of all tables, or of all in a schema, follow by themselves. */
export function readMemberships(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<Membership[]> {
  // Columns and filters came with PostgreSQL 15.
  const narrowed =
    session.serverVersion < 150000
      ? `''`
      : `CASE WHEN r.prattrs IS NULL THEN '' ELSE ' (' || (
           SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
            WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)) || ')' END
         || coalesce(' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')', '')`;
  return session.query<Membership>(
    `SELECT p.pubname::text AS publication, json_build_object('schema', n.nspname, 'name', c.relname) AS table,
            ${narrowed} AS narrowed, pg_has_role(p.pubowner, 'USAGE') AS owned
       FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
       JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE r.prrelid = ANY ($1::regclass[]) ORDER BY 1`,
    [tables.map(quoteQualifiedName)],
    'looking at the publications',
  );
}

export const leavePublicationSql = ({ publication, table }: Membership): string =>
  `ALTER PUBLICATION ${quoteIdentifier(publication)} DROP TABLE ONLY ${quoteQualifiedName(table)}`;

export const joinPublicationSql = ({ publication, table, narrowed }: Membership): string =>
  `ALTER PUBLICATION ${quoteIdentifier(publication)} ADD TABLE ONLY ${quoteQualifiedName(table)}${narrowed}`;

/** Names of publications of all tables: what is built aside would be sent to their subscribers. */
export async function readWholePublications(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT p.pubname::text AS name FROM pg_publication p
      WHERE p.puballtables AND EXISTS (SELECT FROM pg_replication_slots s
                                        WHERE s.database = current_database() AND s.slot_type = 'logical')
      ORDER BY 1`,
    [],
    'looking at the publications',
  );
  return rows.map(({ name }) => name);
}
