import { roleName } from './schema-scope.js';

/** What hangs on objects of any kind, by (class, id, sub) as in the schema queries; and what is no object of the model. */
export interface Annotation {
  readonly class: string;
  readonly id: string;
  readonly sub: number;
  readonly what: 'comment' | 'grant' | 'revoke' | 'label' | 'unmodelled';
  readonly text: string;
}

/** An object class with grants: its catalog, and the letter that acldefault() knows it by. */
const grantable: readonly { catalog: string; prefix: string; letter: string; sub?: string }[] = [
  {
    catalog: 'pg_class',
    prefix: 'rel',
    letter: `CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char"`,
  },
  { catalog: 'pg_namespace', prefix: 'nsp', letter: `'n'` },
  { catalog: 'pg_proc', prefix: 'pro', letter: `'f'` },
  { catalog: 'pg_type', prefix: 'typ', letter: `'T'` },
  { catalog: 'pg_language', prefix: 'lan', letter: `'l'` },
  { catalog: 'pg_foreign_data_wrapper', prefix: 'fdw', letter: `'F'` },
  { catalog: 'pg_foreign_server', prefix: 'srv', letter: `'S'` },
];

const grantsOfObjects = grantable
  .map(
    ({ catalog, prefix, letter }) => `
    SELECT '${catalog}'::regclass::oid AS class, oid AS id, 0 AS sub, ${prefix}owner AS owner, ${prefix}acl AS acl,
           acldefault(${letter}, ${prefix}owner) AS usual FROM ${catalog} WHERE ${prefix}acl IS NOT NULL`,
  )
  .join(' UNION ALL');

/**
 * Comments, grants and security labels. Of the grants only what differs from those that an object has by
 * itself: a grant list that was never set and one that was set to the same say the same, and a
 * dump does not keep them apart.
 */
export const annotationsSql = `
  WITH lists AS (${grantsOfObjects}
    UNION ALL
    SELECT 'pg_class'::regclass, a.attrelid, a.attnum, c.relowner, a.attacl, NULL
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT 'pg_default_acl'::regclass, oid, 0, defaclrole, defaclacl,
           CASE WHEN defaclnamespace = 0
                THEN acldefault(CASE defaclobjtype WHEN 'S' THEN 's' ELSE defaclobjtype END::"char", defaclrole) END
      FROM pg_default_acl
  ), items AS (
    SELECT class, id, sub, owner, true AS given, x.* FROM lists, aclexplode(acl) x
    UNION ALL
    SELECT class, id, sub, owner, false, x.* FROM lists, aclexplode(usual) x
  ), unusual AS (
    SELECT class, id, sub, owner, bool_and(given) AS given, grantee, grantor, privilege_type, is_grantable
      FROM items GROUP BY class, id, sub, owner, grantee, grantor, privilege_type, is_grantable
    HAVING count(*) = 1
  )
  SELECT class, id, sub, CASE WHEN given THEN 'grant' ELSE 'revoke' END AS what,
         CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE ${roleName('grantee')} END || ': ' ||
         string_agg(privilege_type, ', ' ORDER BY privilege_type COLLATE "C") ||
         CASE WHEN is_grantable THEN ' with grant option' ELSE '' END ||
         CASE WHEN grantor <> owner THEN ' by ' || ${roleName('grantor')} ELSE '' END AS text
    FROM unusual GROUP BY class, id, sub, owner, given, grantee, grantor, is_grantable
  UNION ALL
  SELECT classoid, objoid, objsubid, 'comment', description FROM pg_description
   WHERE objoid >= 16384 OR classoid = 'pg_namespace'::regclass
  UNION ALL
  SELECT classoid, objoid, objsubid, 'label', quote_ident(provider) || ': ' || label FROM pg_seclabel`;
