import { BelayError } from '../errors.js';
import { quoteIdentifier, type Session } from './session.js';
import { collationMismatch, type DatabaseRow } from './sql/databases.js';

/** What the role of a session may do, as far as copying and renaming need it. */
export interface Rights {
  readonly role: string;
  readonly isSuperuser: boolean;
  readonly mayCreateDatabases: boolean;
}

export function readRights(session: Session): Promise<Rights> {
  return session.queryOne<Rights>(
    `SELECT rolname::text AS role, rolsuper AS "isSuperuser", rolsuper OR rolcreatedb AS "mayCreateDatabases"
       FROM pg_roles WHERE rolname = current_user`,
    [],
    'reading the rights of the role',
  );
}

/**
 * Checks, before anybody is disturbed, that the database can be copied and renamed at all.
 * @throws BelayError READ_ONLY_SERVER, PERMISSION_DENIED, COLLATION_MISMATCH
 */
export async function checkCanCopy(session: Session, database: DatabaseRow): Promise<void> {
  const { standby } = await session.queryOne<{ standby: boolean }>(
    'SELECT pg_is_in_recovery() AS standby',
  );
  if (standby) {
    throw new BelayError(
      'READ_ONLY_SERVER',
      'the server is a standby: nothing can be created on it',
      {
        hint: 'Point Belay at the primary.',
      },
    );
  }
  const rights = await readRights(session);
  if (!rights.mayCreateDatabases) {
    throw new BelayError('PERMISSION_DENIED', `role "${rights.role}" may not create databases`, {
      hint: `Let a superuser run: ALTER ROLE ${quoteIdentifier(rights.role)} CREATEDB`,
    });
  }
  if (!database.owned) {
    throw new BelayError(
      'PERMISSION_DENIED',
      `role "${rights.role}" does not own database "${database.name}" (its owner is "${database.owner}")`,
      { hint: `Connect as "${database.owner}", as a member of it, or as a superuser.` },
    );
  }
  await checkCollation(session, database);
}

async function checkCollation(session: Session, database: DatabaseRow): Promise<void> {
  const mismatch = await collationMismatch(session, database.oid);
  if (!mismatch) return;
  throw new BelayError(
    'COLLATION_MISMATCH',
    `"${database.name}" was made with collation version ${mismatch.recorded}, the system has ${mismatch.actual ?? 'none'}: PostgreSQL refuses to copy it`,
    {
      hint: `In that database: REINDEX DATABASE ${quoteIdentifier(database.name)}, then ALTER DATABASE ${quoteIdentifier(database.name)} REFRESH COLLATION VERSION.`,
    },
  );
}
