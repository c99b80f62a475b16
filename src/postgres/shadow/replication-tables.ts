import type { QualifiedName } from '../../domain/qualified-name.js';
import { formatQualifiedName } from '../../domain/qualified-name.js';
import type { Session } from '../session.js';

/** A table, and whether its changes can be published without doing harm. */
export interface PublishableTable extends QualifiedName {
  readonly oid: number;
  /** "schema.table". */
  readonly table: string;
  /** Why not; null: it can. */
  readonly why: string | null;
}

interface IdentityRow extends QualifiedName {
  readonly oid: number;
  readonly isOrdinary: boolean;
  readonly isLogged: boolean;
  readonly mayPublish: boolean;
  /** As pg_class.relreplident. */
  readonly identity: string;
  /** Columns of the replica identity; null: it has none that works. */
  readonly columns: readonly number[] | null;
  readonly isGenerated: boolean;
}

/**
 * The replica identity as the server chooses it. A deferrable primary key is none; without one UPDATE and DELETE of a
 * published table fail.
 */
const identityOf = `
  SELECT i.indkey::int2[] AS columns FROM pg_index i
   WHERE i.indrelid = c.oid AND i.indisvalid AND i.indisunique AND i.indimmediate AND i.indpred IS NULL
     AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END`;

/** Tells of each table whether it can be published, in the same order. */
export async function readPublishable(
  source: Session,
  tables: readonly { readonly oid: number; readonly key: readonly number[] | null }[],
): Promise<PublishableTable[]> {
  const rows = await source.query<IdentityRow>(
    `SELECT c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name,
            c.relkind = 'r' AS "isOrdinary", c.relpersistence = 'p' AS "isLogged",
            pg_has_role(c.relowner, 'USAGE') AS "mayPublish", c.relreplident::text AS identity,
            to_json(identity.columns) AS columns,
            EXISTS (SELECT FROM pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> ''
                       AND (c.relreplident = 'f' OR a.attnum = ANY (identity.columns))) AS "isGenerated"
       FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN LATERAL (${identityOf}) AS identity ON true
      WHERE c.oid = ANY ($1::int8[]::oid[])`,
    [tables.map(({ oid }) => oid)],
    'reading the replica identities',
  );
  const byOid = new Map(rows.map((row) => [row.oid, row]));
  return tables.flatMap(({ oid, key }) => {
    const row = byOid.get(oid);
    if (!row) return [];
    const { schema, name } = row;
    return [{ oid, schema, name, table: formatQualifiedName(row), why: whyNot(row, key) }];
  });
}

function whyNot(row: IdentityRow, key: readonly number[] | null): string | null {
  if (!row.isOrdinary) return 'it holds no rows of its own';
  if (!row.isLogged) return 'it is unlogged';
  if (!row.mayPublish) return 'it belongs to another role';
  if (!key) return 'it has no key';
  if (row.identity === 'n') return 'its replica identity is NOTHING';
  // From PostgreSQL 18 on the application's UPDATE would fail; before, the value is not sent.
  if (row.isGenerated) return 'a generated column is part of its replica identity';
  if (row.identity === 'f') return null;
  const { columns } = row;
  if (!columns) return 'it has no replica identity';
  // Else a key that changes alone would come without its old value.
  if (!key.every((number) => columns.includes(number))) return 'its replica identity lacks its key';
  return null;
}

/** OIDs of the tables whose changes are published. */
export async function readPublished(source: Session, publication: string): Promise<number[]> {
  const rows = await source.query<{ oid: number }>(
    `SELECT r.prrelid::int8::float8 AS oid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
      WHERE p.pubname = $1 ORDER BY 1`,
    [publication],
    'reading what is published',
  );
  return rows.map(({ oid }) => oid);
}
