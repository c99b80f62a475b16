/** One grant on a database, by one grantor to one grantee. */
export interface DatabaseGrant {
  /** Role name; empty string for PUBLIC. */
  readonly grantee: string;
  readonly grantor: string;
  readonly privilege: 'CONNECT' | 'CREATE' | 'TEMPORARY';
  readonly grantable: boolean;
}

/** One stored setting of `ALTER DATABASE … SET` or `ALTER ROLE … IN DATABASE … SET`. */
export interface DatabaseSetting {
  /** Role that it holds for; null: for everybody in the database. */
  readonly role: string | null;
  readonly name: string;
  /** As pg_db_role_setting stores it. */
  readonly value: string;
}

/**
 * What belongs to a database but lies outside it, in shared catalogs: CREATE DATABASE … TEMPLATE
 * copies none of it.
 */
export interface DatabaseProperties {
  readonly owner: string;
  readonly comment: string | null;
  /** -1: no limit. */
  readonly connectionLimit: number;
  readonly isTemplate: boolean;
  /** null: never granted or revoked, PostgreSQL's defaults hold. */
  readonly grants: readonly DatabaseGrant[] | null;
  readonly settings: readonly DatabaseSetting[];
}

/** Every role that the properties name, each once; PUBLIC is none. */
export function rolesOf({ owner, grants, settings }: DatabaseProperties): string[] {
  const named = [
    owner,
    ...(grants ?? []).flatMap(({ grantee, grantor }) => [grantee, grantor]),
    ...settings.flatMap(({ role }) => role ?? []),
  ];
  return [...new Set(named)].filter((role) => role !== '');
}

/** The properties with another owner, to whom the old one's grants go over, as ALTER DATABASE … OWNER TO does it. */
export function withOwner(properties: DatabaseProperties, owner: string): DatabaseProperties {
  const now = (role: string) => (role === properties.owner ? owner : role);
  const grants = properties.grants?.map((grant) => ({
    ...grant,
    grantee: now(grant.grantee),
    grantor: now(grant.grantor),
  }));
  return { ...properties, owner, grants: grants ?? null };
}

/** Comparable text of properties: lists in a stable order, so that equal means equal. */
function canonical(properties: DatabaseProperties): Record<string, string> {
  const sorted = (items: readonly object[]) => items.map((item) => JSON.stringify(item)).sort();
  return {
    owner: properties.owner,
    comment: JSON.stringify(properties.comment),
    'connection limit': String(properties.connectionLimit),
    'template flag': String(properties.isTemplate),
    grants: properties.grants === null ? 'default' : sorted(properties.grants).join('\n'),
    settings: sorted(properties.settings).join('\n'),
  };
}

/** Names of the properties in which two databases differ. */
export function differingProperties(a: DatabaseProperties, b: DatabaseProperties): string[] {
  const [left, right] = [canonical(a), canonical(b)];
  return Object.keys(left).filter((key) => left[key] !== right[key]);
}
