import { databaseNameSchema } from '../../contract/names.js';
import { scopes as allScopes, type Scope } from '../../contract/scope.js';
import { BelayError } from '../../errors.js';

/** @throws BelayError USAGE */
export function checkScopes(scopes: readonly Scope[]): Scope[] {
  // In the order of the contract, so that lists are the same whoever wrote them.
  const known = allScopes.filter((scope) => scopes.includes(scope));
  if (known.length > 0 && scopes.every((scope) => known.includes(scope))) return known;
  throw new BelayError('USAGE', 'no scope, or one that there is not', {
    hint: `Scopes are ${allScopes.join(', ')}.`,
  });
}

/**
 * @returns null: bound to none in particular
 * @throws BelayError USAGE, BAD_NAME
 */
export function checkDatabases(databases: readonly string[] | undefined): string[] | null {
  if (databases === undefined) return null;
  const names = [...new Set(databases)];
  if (names.length === 0) {
    // An empty list could be taken for "all": nobody shall have to guess.
    throw new BelayError('USAGE', 'bound to databases, and none is named', {
      hint: 'Name at least one registered database, or leave the list out for all of them.',
    });
  }
  const bad = names.find((name) => !databaseNameSchema.safeParse(name).success);
  if (bad === undefined) return names;
  throw new BelayError(
    'BAD_NAME',
    `${JSON.stringify(bad.slice(0, 80))} is not a name of a database`,
    {
      hint: 'Names of registered databases have letters, digits, ".", "_" and "-", at most 63.',
    },
  );
}

/**
 * A name that can be shown anywhere: in a list, a log, a ledger.
 * @throws BelayError USAGE
 */
export function checkLabel(text: string, what: string, most: number): string {
  const name = text.normalize('NFC').trim();
  if (name !== '' && [...name].length <= most && !/[\p{C}\p{Zl}\p{Zp}]/u.test(name)) return name;
  throw new BelayError('USAGE', `that is not a name for a ${what}`, {
    hint: `At most ${most} characters, and none that cannot be seen.`,
  });
}
