import { formatQualifiedName } from '../../domain/qualified-name.js';
import type { RelationKind } from '../../domain/rehearsal.js';
import type { RelationName } from '../../domain/rehearsal-locks.js';
import type { Session } from '../session.js';
import { firstUserOid } from './watch-sample.js';

interface RelationRow {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly relkind: string;
}

const kinds: Readonly<Record<string, RelationKind>> = {
  i: 'index',
  I: 'index',
  S: 'sequence',
  v: 'view',
  m: 'materialized view',
};

/**
 * Tables, indexes, sequences and views of users, by OID: a TOAST table and its index under the name of the table that they belong to.
 * Belay's own are left out.
 */
export async function readRelationNames(session: Session): Promise<Map<number, RelationName>> {
  const rows = await session.query<RelationRow>(
    `SELECT c.oid::int8::float8 AS oid, n.nspname::text AS schema, o.relname::text AS name, o.relkind::text AS relkind
       FROM pg_class c
       LEFT JOIN pg_index i ON c.relkind = 'i' AND i.indexrelid = c.oid
       LEFT JOIN pg_class t ON t.reltoastrelid <> 0 AND t.reltoastrelid IN (c.oid, i.indrelid)
       JOIN pg_class o ON o.oid = coalesce(t.oid, c.oid)
       JOIN pg_namespace n ON n.oid = o.relnamespace
      WHERE c.oid >= ${firstUserOid} AND c.relkind <> 'c'
        AND n.nspname NOT IN ('information_schema', 'pg_catalog', 'pg_toast', 'belay')
        AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast\\_temp\\_%'`,
    [],
    'reading the names of relations',
  );
  return new Map(
    rows.map(({ oid, schema, name, relkind }) => [
      oid,
      { name: formatQualifiedName({ schema, name }), kind: kinds[relkind] ?? 'table' },
    ]),
  );
}
