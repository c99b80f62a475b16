import type { Caller } from '../../contract/caller.js';
import { BelayError } from '../../errors.js';

/**
 * Whether what is bound to some databases (null: to none in particular, so to all) lies within what the caller is bound to. An
 * administrator of one database sees and changes nothing of the others.
 */
export function isWithin(caller: Caller, databases: readonly string[] | null | undefined): boolean {
  const own = caller.databases;
  if (own === null) return true;
  return databases?.every((one) => own.includes(one)) ?? false;
}

/**
 * Refuses to hand out more than the caller has.
 * @throws BelayError FORBIDDEN
 */
export function checkGrant(caller: Caller, databases: readonly string[] | undefined): void {
  if (databases?.length !== 0 && isWithin(caller, databases)) return;
  throw new BelayError('FORBIDDEN', 'that would be of more databases than you may use yourself', {
    hint: `Name some of these in \`databases\`: ${(caller.databases ?? []).join(', ')}.`,
  });
}
