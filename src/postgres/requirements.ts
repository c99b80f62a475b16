import type { DatabaseLocale, RequiredRole, Requirements } from '../domain/manifest.js';
import type { Session } from './session.js';

/** Roles that come with PostgreSQL: they are on every server. */
const ownRoles = `r.rolname !~ '^pg_'`;

/**
 * Roles, tablespaces and extensions that the session's database needs and an archive does not hold. Roles are what
 * pg_shdepend says: owners, grantees, roles of policies and default privileges.
 */
export async function readRequirements(session: Session): Promise<Requirements> {
  const roles = await session.query<RequiredRole>(
    `WITH needed AS (
       SELECT r.oid, r.rolname, r.rolsuper, r.rolcanlogin FROM pg_roles r
        WHERE ${ownRoles} AND (
          r.oid IN (SELECT s.refobjid FROM pg_shdepend s
                     WHERE s.refclassid = 'pg_authid'::regclass
                       AND (s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                         OR (s.classid = 'pg_database'::regclass
                             AND s.objid = (SELECT oid FROM pg_database WHERE datname = current_database()))))
          OR r.oid = (SELECT datdba FROM pg_database WHERE datname = current_database())
          -- What belongs to the first superuser is not recorded there: it cannot be dropped.
          OR (r.oid = 10 AND EXISTS (
                SELECT 1 FROM (SELECT 'pg_class'::regclass AS class, oid, relowner AS owner FROM pg_class
                         UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc
                         UNION ALL SELECT 'pg_type'::regclass, oid, typowner FROM pg_type
                         UNION ALL SELECT 'pg_namespace'::regclass, oid, nspowner FROM pg_namespace) o
                 WHERE o.owner = 10 AND o.oid >= 16384
                   AND NOT EXISTS (SELECT 1 FROM pg_depend d
                                    WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e'))))
     )
     SELECT n.rolname::text AS name, n.rolsuper AS "isSuperuser", n.rolcanlogin AS "canLogin",
            coalesce((SELECT json_agg(g.rolname ORDER BY g.rolname)
                        FROM pg_auth_members m JOIN needed g ON g.oid = m.roleid
                       WHERE m.member = n.oid), '[]'::json) AS "memberOf"
       FROM needed n ORDER BY n.rolname`,
    [],
    'reading the roles that the database needs',
  );
  const tablespaces = await session.query<{ name: string }>(
    `SELECT spcname::text AS name FROM pg_tablespace
      WHERE oid IN (SELECT reltablespace FROM pg_class) AND spcname !~ '^pg_' ORDER BY 1`,
    [],
    'reading the tablespaces that the database needs',
  );
  const extensions = await session.query<Requirements['extensions'][number]>(
    `SELECT e.extname::text AS name, e.extversion AS version, n.nspname::text AS schema
       FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace ORDER BY 1`,
    [],
    'reading the extensions that the database needs',
  );
  return { roles, tablespaces: tablespaces.map(({ name }) => name), extensions };
}

const localeColumn = (serverVersion: number): string =>
  serverVersion >= 170000
    ? 'd.datlocale'
    : serverVersion >= 150000
      ? 'd.daticulocale'
      : 'NULL::text';

/** How text is encoded and sorted in the session's database. */
export function readDatabaseLocale(session: Session): Promise<DatabaseLocale> {
  const { serverVersion } = session;
  const provider = serverVersion >= 150000 ? 'd.datlocprovider' : `'c'`;
  const rules = serverVersion >= 160000 ? 'd.daticurules' : 'NULL::text';
  return session.queryOne<DatabaseLocale>(
    `SELECT pg_encoding_to_char(d.encoding)::text AS encoding, d.datcollate::text AS collate,
            d.datctype::text AS ctype,
            CASE ${provider} WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END AS provider,
            ${localeColumn(serverVersion)} AS locale, ${rules} AS "icuRules"
       FROM pg_database d WHERE d.datname = current_database()`,
    [],
    'reading the locale of the database',
  );
}

/** A setting of the servers that are branches: the branch's id. */
export const clusterBranchSetting = 'belay.branch';

/** Which branch a server is; null: it is none. */
export async function readClusterBranch(session: Session): Promise<string | null> {
  const { id } = await session.queryOne<{ id: string | null }>(
    `SELECT nullif(current_setting('${clusterBranchSetting}', true), '') AS id`,
  );
  return id;
}

/** The server's system identifier, the same on all its replicas; undefined where the role may not read it. */
export async function readSystemIdentifier(session: Session): Promise<string | undefined> {
  try {
    const { id } = await session.queryOne<{ id: string }>(
      'SELECT system_identifier::text AS id FROM pg_control_system()',
    );
    return id;
  } catch {
    // Some managed services take the function away.
    return undefined;
  }
}
