import type { Caller } from '../../contract/caller.js';
import type { Inventory } from '../../contract/inventory.js';
import { mayUse } from '../http/authenticate.js';
import type { Services } from '../services.js';

/** How long a list waits for a database that does not answer. */
const patienceMs = 3_000;

/** What is known of each database that the caller may see, in the order of their names. */
export async function knownInventories(services: Services, caller: Caller): Promise<Inventory[]> {
  const all = await services.databases.list();
  const names = all.map(({ name }) => name).filter((name) => mayUse(caller, name));
  return Promise.all(names.map((name) => inventorySoon(services, name)));
}

/** One database that is out of reach does not hold up what is known of the others. */
export async function inventorySoon(
  { inventories }: Pick<Services, 'inventories'>,
  name: string,
): Promise<Inventory> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Inventory>((resolve) => {
    timer = setTimeout(() => resolve(inventories.peek(name) ?? unknownYet(name)), patienceMs);
  });
  try {
    return await Promise.race([inventories.read(name), late]);
  } finally {
    clearTimeout(timer);
  }
}

function unknownYet(database: string): Inventory {
  return {
    database,
    at: new Date().toISOString(),
    problem: { code: 'SERVER_UNREACHABLE', message: 'the first look at it is still under way' },
    server: null,
    serverVersion: null,
    sizeBytes: null,
    snapshots: [],
    basedOn: null,
    undo: null,
    branches: [],
    versions: [],
    ledger: [],
  };
}
