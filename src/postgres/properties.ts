import type { DatabaseGrant, DatabaseProperties, DatabaseSetting } from '../domain/properties.js';
import { quoteIdentifier, quoteLiteral, type Session } from './session.js';

/** Reads what CREATE DATABASE … TEMPLATE does not copy, in one query. */
export async function readProperties(session: Session, oid: number): Promise<DatabaseProperties> {
  return session.queryOne<DatabaseProperties>(
    `SELECT pg_get_userbyid(d.datdba)::text AS owner,
            shobj_description(d.oid, 'pg_database') AS comment,
            d.datconnlimit AS "connectionLimit", d.datistemplate AS "isTemplate",
            CASE WHEN d.datacl IS NOT NULL THEN coalesce((
              SELECT json_agg(json_build_object(
                       'grantee', CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee) END,
                       'grantor', pg_get_userbyid(a.grantor),
                       'privilege', a.privilege_type, 'grantable', a.is_grantable)
                     ORDER BY a.grantee, a.grantor, a.privilege_type)
                FROM aclexplode(d.datacl) a), '[]'::json) END AS grants,
            coalesce((
              SELECT json_agg(json_build_object(
                       'role', CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole) END,
                       'name', split_part(c.entry, '=', 1),
                       'value', substr(c.entry, strpos(c.entry, '=') + 1))
                     ORDER BY s.setrole, c.ordinal)
                FROM pg_db_role_setting s, unnest(s.setconfig) WITH ORDINALITY c(entry, ordinal)
               WHERE s.setdatabase = d.oid), '[]'::json) AS settings
       FROM pg_database d WHERE d.oid = $1`,
    [oid],
    'reading the properties of the database',
  );
}

/**
 * Variables whose stored value is already a list of quoted names (GUC_LIST_QUOTE in PostgreSQL's source,
 * the same list that pg_dump keeps): quoting such a value once more would make one name of it.
 */
const listVariables = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

/** Splits a stored list value into its names; `""` inside a quoted name is one quote. */
function splitList(value: string): string[] {
  const names = value.match(/"(?:[^"]|"")*"|[^,\s][^,]*/g) ?? [];
  return names.map((name) =>
    name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.trim(),
  );
}

function settingSql(database: string, setting: DatabaseSetting): string {
  const value = listVariables.has(setting.name)
    ? splitList(setting.value).map(quoteLiteral).join(', ') || "''"
    : quoteLiteral(setting.value);
  const where =
    setting.role === null
      ? `DATABASE ${quoteIdentifier(database)}`
      : `ROLE ${quoteIdentifier(setting.role)} IN DATABASE ${quoteIdentifier(database)}`;
  // The parts of a name such as myapp.tenant are quoted one by one.
  const name = setting.name.split('.').map(quoteIdentifier).join('.');
  return `ALTER ${where} SET ${name} TO ${value}`;
}

function grantSql(database: string, grant: DatabaseGrant): string {
  const grantee = grant.grantee === '' ? 'PUBLIC' : quoteIdentifier(grant.grantee);
  const option = grant.grantable ? ' WITH GRANT OPTION' : '';
  return `GRANT ${grant.privilege} ON DATABASE ${quoteIdentifier(database)} TO ${grantee}${option}`;
}

/** Grants by the owner come first: others could only pass on what they were given. */
function inGrantOrder(grants: readonly DatabaseGrant[], owner: string): DatabaseGrant[] {
  const ordered = grants.filter(({ grantor }) => grantor === owner);
  let rest = grants.filter(({ grantor }) => grantor !== owner);
  while (rest.length > 0) {
    const ready = rest.filter(({ grantor, privilege }) =>
      ordered.some((g) => g.grantee === grantor && g.privilege === privilege && g.grantable),
    );
    if (ready.length === 0) break;
    ordered.push(...ready);
    rest = rest.filter((grant) => !ready.includes(grant));
  }
  return [...ordered, ...rest];
}

/**
 * Gives a new copy its grants and settings. The comment, the connection limit and the template flag are not set
 * here: they become visible with the rename, in its transaction.
 * @throws BelayError PERMISSION_DENIED where the role may not set one of them
 */
export async function applyProperties(
  session: Session,
  database: string,
  properties: DatabaseProperties,
): Promise<void> {
  const doing = (what: string) => `carrying over ${what} of the database`;
  await session.transaction(async () => {
    for (const setting of properties.settings) {
      const whose = setting.role === null ? '' : ` for role "${setting.role}"`;
      await session.execute(
        settingSql(database, setting),
        doing(`the setting ${setting.name}${whose}`),
      );
    }
    if (properties.grants === null) return;
    const name = quoteIdentifier(database);
    const owner = quoteIdentifier(properties.owner);
    await session.execute(
      `REVOKE ALL ON DATABASE ${name} FROM PUBLIC; REVOKE ALL ON DATABASE ${name} FROM ${owner}`,
      doing('the grants'),
    );
    for (const grant of inGrantOrder(properties.grants, properties.owner)) {
      await applyGrant(
        session,
        database,
        grant,
        doing(`the grant to "${grant.grantee || 'PUBLIC'}"`),
      );
    }
  });
}

/** GRANT always records the current role as the grantor, so it is run as that role. */
async function applyGrant(session: Session, database: string, grant: DatabaseGrant, doing: string) {
  await session.execute(`SET LOCAL ROLE ${quoteIdentifier(grant.grantor)}`, doing);
  await session.execute(grantSql(database, grant), doing);
  await session.execute('RESET ROLE', doing);
}
