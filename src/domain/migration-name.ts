import { versionBeforeFirst } from './migration.js';

/** What a migration is known by where a tool knows it by one name, such as "20261120103000_add_invoices". */
export interface NumberedName {
  readonly version: string;
  readonly name: string;
}

/** "0" would be the state before the first migration, so such a name is a version as a whole. */
function splitName(whole: string): NumberedName {
  const [, version, name] = /^(\d+)_(.+)$/s.exec(whole) ?? [];
  if (version === undefined || name === undefined) return { version: whole, name: '' };
  return version === versionBeforeFirst ? { version: whole, name: '' } : { version, name };
}

/**
 * Versions of migrations that a tool knows by name: the number that a name begins with, and for a name whose number is
 * taken by an earlier one the whole name. Names keep the version that `known` gives them.
 *
 * @example
 * versionsOfNames(['1_users', '1_items', 'seed']);
 * // '1_users' → 1 users, '1_items' → 1_items, 'seed' → seed
 */
export function versionsOfNames(
  names: readonly string[],
  known: ReadonlyMap<string, NumberedName> = new Map(),
): Map<string, NumberedName> {
  const versions = new Map(known);
  const taken = new Set([...known.values()].map(({ version }) => version));
  for (const whole of names) {
    if (versions.has(whole)) continue;
    const split = splitName(whole);
    const given = taken.has(split.version) ? { version: whole, name: '' } : split;
    taken.add(given.version);
    versions.set(whole, given);
  }
  return versions;
}
