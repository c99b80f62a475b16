import { mostInventoryBytes } from '../contract/agent.js';
import type { Inventory } from '../contract/inventory.js';
import { toBelayError } from '../errors.js';
import { lookAt } from '../jobs/inventory/look-at.js';
import { LookCache } from '../jobs/inventory/look-cache.js';
import { describeError } from '../jobs/run/run-job-on.js';
import type { AgentDatabase } from './agent-databases.js';
import type { ServerClient } from './server-client.js';

/** Snapshots that keep the rows of each of their tables when an inventory has to be made smaller. */
const wholeSnapshots = 20;
const room = 64 * 1024;

/** Looks at one database and tells the server what there is. */
export class LookSender {
  readonly #database: AgentDatabase;
  readonly #client: ServerClient;
  readonly #cache = new LookCache();
  #last: Inventory | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(database: AgentDatabase, client: ServerClient) {
    this.#database = database;
    this.#client = client;
  }

  /**
   * Looks and sends, one at a time. A database that cannot be looked at is told too, as a problem.
   * @throws BelayError as the client
   */
  look({ isThorough, signal }: { readonly isThorough: boolean; readonly signal?: AbortSignal }) {
    return this.#inTurn(async () => this.#send(await this.#look(isThorough, signal), signal));
  }

  /** Sends what somebody else has found. @throws BelayError as the client */
  send(inventory: Inventory): Promise<void> {
    return this.#inTurn(() => this.#send(inventory));
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#sending.catch(() => {}).then(work);
    this.#sending = turn;
    return turn;
  }

  async #look(isThorough: boolean, signal: AbortSignal | undefined): Promise<Inventory> {
    const { name } = this.#database;
    const before = this.#last;
    try {
      const target = await this.#database.open('look');
      try {
        return await lookAt(target, { name, before, isThorough, cache: this.#cache, signal });
      } finally {
        await target.close();
      }
    } catch (error) {
      const { code, message, hint } = describeError(toBelayError(error));
      const problem = { code, message, ...(hint === undefined ? {} : { hint }) };
      return { ...(before ?? nothing(name)), at: new Date().toISOString(), problem };
    }
  }

  async #send(inventory: Inventory, signal?: AbortSignal): Promise<void> {
    this.#last = inventory;
    const path = `/api/agent/inventory/${encodeURIComponent(inventory.database)}`;
    await this.#client.call({ method: 'PUT', path, body: fitInventory(inventory), signal });
  }
}

function nothing(database: string): Inventory {
  return {
    ...{ database, at: '', problem: null, server: null, serverVersion: null, sizeBytes: null },
    ...{ snapshots: [], basedOn: null, undo: null, branches: [], versions: [], ledger: [] },
  };
}

/** A long timeline of many tables has to do without the rows of each table of old snapshots, then without the oldest. */
export function fitInventory(inventory: Inventory, bytes = mostInventoryBytes - room): Inventory {
  let fitting = inventory;
  if (sizeOf(fitting) > bytes) fitting = withoutOldCounts(fitting);
  while (sizeOf(fitting) > bytes && fitting.snapshots.length > 0) {
    const keep = Math.floor(fitting.snapshots.length / 2);
    fitting = { ...fitting, snapshots: fitting.snapshots.slice(0, keep) };
  }
  return sizeOf(fitting) > bytes ? { ...fitting, ledger: [], versions: [], branches: [] } : fitting;
}

const sizeOf = (inventory: Inventory): number => Buffer.byteLength(JSON.stringify(inventory));

function withoutOldCounts(inventory: Inventory): Inventory {
  const snapshots = inventory.snapshots.map((snapshot, index) =>
    index < wholeSnapshots || snapshot.fingerprint === null
      ? snapshot
      : { ...snapshot, fingerprint: { ...snapshot.fingerprint, rowCounts: {}, sequences: {} } },
  );
  return { ...inventory, snapshots };
}
