import type { QualifiedName } from '../../domain/qualified-name.js';
import { quoteIdentifier, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';

interface Grant extends QualifiedName {
  readonly kind: 'TABLE' | 'SEQUENCE';
  /** Empty: PUBLIC. */
  readonly grantee: string;
  readonly privilege: string;
}

/** Who else than the owner was granted something on the tables and sequences of some schemas. */
export function readGrants(session: Session, schemas: readonly string[]): Promise<Grant[]> {
  return session.query<Grant>(
    `SELECT n.nspname::text AS schema, c.relname::text AS name,
            CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
            CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee)::text END AS grantee,
            a.privilege_type AS privilege
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
      WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'S') AND a.grantee <> c.relowner`,
    [schemas],
    'reading the grants',
  );
}

const keyOf = ({ schema, name, grantee, privilege }: Grant): string =>
  JSON.stringify([schema, name, grantee, privilege]);

/**
 * Takes back what ALTER DEFAULT PRIVILEGES of the database has granted on tables that were just made: a dump says
 * only what was granted, not what was not.
 */
export async function revokeOthers(
  session: Session,
  schemas: readonly string[],
  wanted: readonly Grant[],
): Promise<void> {
  const keep = new Set(wanted.map(keyOf));
  for (const grant of await readGrants(session, schemas)) {
    if (keep.has(keyOf(grant))) continue;
    const from = grant.grantee === '' ? 'PUBLIC' : quoteIdentifier(grant.grantee);
    await session.execute(
      `REVOKE ${grant.privilege} ON ${grant.kind} ${quoteQualifiedName(grant)} FROM ${from}`,
      'taking back default privileges',
    );
  }
}

export type { Grant };
