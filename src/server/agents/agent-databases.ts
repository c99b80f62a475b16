import type { Caller } from '../../contract/caller.js';
import { BelayError } from '../../errors.js';
import type { RegisteredDatabase } from '../../jobs/databases/databases.js';
import { checkDatabase } from '../http/authenticate.js';
import type { Services } from '../services.js';

/**
 * The databases that an agent says it serves: bound to its token, registered, and reached by agents alone.
 * @returns the environment of each
 * @throws BelayError FORBIDDEN, DATABASE_NOT_REGISTERED, BAD_REQUEST
 */
export async function requireAgentDatabases(
  { databases }: Pick<Services, 'databases'>,
  caller: Caller,
  names: readonly string[],
): Promise<ReadonlyMap<string, RegisteredDatabase['environment']>> {
  const found = new Map<string, RegisteredDatabase['environment']>();
  for (const name of names) {
    checkDatabase(caller, name);
    const database = await databases.get(name);
    if (!database) {
      throw new BelayError('DATABASE_NOT_REGISTERED', `no database "${name}" is registered`, {
        hint: 'An administrator registers it: POST /api/databases with "kind": "agent", or on the page.',
      });
    }
    if (database.kind !== 'agent') {
      throw new BelayError(
        'BAD_REQUEST',
        `the server itself reaches "${name}": it needs no agent`,
        {
          hint: 'Register it anew with "kind": "agent" where only an agent is to reach it.',
        },
      );
    }
    found.set(name, database.environment);
  }
  return found;
}
