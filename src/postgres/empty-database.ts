import { madeByBelayConnectionLimit } from '../domain/clone-name.js';
import type { DatabaseLocale, RequiredRole } from '../domain/manifest.js';
import { quoteIdentifier, quoteLiteral } from './session.js';

/** Options of CREATE DATABASE for a locale, which older servers know fewer of. */
function localeOptions(locale: DatabaseLocale, serverVersion: number): string {
  const options = [
    `ENCODING ${quoteLiteral(locale.encoding)}`,
    `LC_COLLATE ${quoteLiteral(locale.collate)}`,
    `LC_CTYPE ${quoteLiteral(locale.ctype)}`,
  ];
  if (serverVersion >= 150000) options.push(`LOCALE_PROVIDER ${locale.provider}`);
  if (locale.provider === 'icu' && locale.locale) {
    options.push(`ICU_LOCALE ${quoteLiteral(locale.locale)}`);
  }
  if (locale.provider === 'builtin' && locale.locale) {
    options.push(`BUILTIN_LOCALE ${quoteLiteral(locale.locale)}`);
  }
  if (locale.icuRules !== null && serverVersion >= 160000) {
    options.push(`ICU_RULES ${quoteLiteral(locale.icuRules)}`);
  }
  return options.join(' ');
}

/** CREATE DATABASE for an archive to be restored into. */
function emptyDatabaseSql(name: string, locale: DatabaseLocale, serverVersion: number): string {
  return `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ${localeOptions(locale, serverVersion)}`;
}

/** The same for a drill, with the mark of what may be removed when nobody is at work on it. */
export function drillDatabaseSql(
  name: string,
  locale: DatabaseLocale,
  serverVersion: number,
): string {
  return `${emptyDatabaseSql(name, locale, serverVersion)} CONNECTION LIMIT ${madeByBelayConnectionLimit}`;
}

/** The same for a clone, closed and with the mark of a copy that is not complete. */
export function emptyCloneSql(
  name: string,
  owner: string,
  locale: DatabaseLocale,
  serverVersion: number,
): string {
  return (
    `${emptyDatabaseSql(name, locale, serverVersion)} OWNER ${quoteIdentifier(owner)}` +
    ` ALLOW_CONNECTIONS false CONNECTION LIMIT ${madeByBelayConnectionLimit}`
  );
}

/**
 * Roles for a server that is thrown away: nobody logs in as them. Superusers stay superusers, because some objects
 * (event triggers, foreign data wrappers) may belong to nobody else.
 */
export function createRolesSql(roles: readonly RequiredRole[]): string {
  const names = new Set(roles.map(({ name }) => name));
  const create = roles.map(
    ({ name, isSuperuser }) =>
      `CREATE ROLE ${quoteIdentifier(name)} NOLOGIN ${isSuperuser ? 'SUPERUSER' : 'NOSUPERUSER'}`,
  );
  const grant = roles.flatMap(({ name, memberOf }) =>
    memberOf
      .filter((group) => names.has(group))
      .map((group) => `GRANT ${quoteIdentifier(group)} TO ${quoteIdentifier(name)}`),
  );
  return [...create, ...grant].join(';\n');
}
