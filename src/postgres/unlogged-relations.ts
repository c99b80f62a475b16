import { formatQualifiedName, type QualifiedName } from '../domain/qualified-name.js';
import type { Session } from './session.js';

/** Unlogged tables and sequences of the session's database, named as in a fingerprint. A crash empties them. */
export async function readUnloggedRelations(session: Session): Promise<ReadonlySet<string>> {
  const rows = await session.query<QualifiedName>(
    `SELECT n.nspname::text AS schema, c.relname::text AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relpersistence = 'u' AND c.relkind IN ('r', 'S')`,
    [],
    'looking for unlogged tables',
  );
  return new Set(rows.map(formatQualifiedName));
}
