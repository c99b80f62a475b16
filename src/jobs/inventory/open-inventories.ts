import { setTimeout as sleep } from 'node:timers/promises';
import type { Inventory } from '../../contract/inventory.js';
import { BelayError, toBelayError } from '../../errors.js';
import type { Catalog } from '../catalog/catalog.js';
import type { OpenDatabases } from '../databases/open-databases.js';
import type { Inventories } from './inventories.js';
import { InventoryTable } from './inventory-table.js';
import { KnownDatabase } from './known-database.js';

export interface OpenInventoriesOptions {
  readonly catalog: Catalog;
  readonly databases: Pick<OpenDatabases, 'get' | 'open' | 'onChange'>;
}

/** How long a look may take: a server that hangs must not hold up every page. */
const lookTimeoutMs = 60_000;
const closePatienceMs = 2_000;

/**
 * What is known of every database. A server looks itself where it reaches the database; what agents have found comes from the
 * catalog, and other servers tell when they have found something new.
 * @throws BelayError CATALOG_UNAVAILABLE
 */
export async function openInventories(
  options: OpenInventoriesOptions,
): Promise<Inventories & { close(): Promise<void> }> {
  const all = new AllKnown(options);
  const dropAll = () => all.dropAll();
  const stop = await options.catalog.listen(
    'belay_inventory',
    (message) => all.changedElsewhere(message),
    dropAll,
  );
  const stopWatching = options.databases.onChange((name) => all.forget(name));
  return {
    read: (name, maxAgeMs) => all.read(name, maxAgeMs),
    peek: (name) => all.peek(name),
    invalidate: (name) => all.invalidate(name),
    save: (inventory) => all.save(inventory),
    close: async () => {
      stopWatching();
      await stop();
      await all.close();
    },
  };
}

class AllKnown {
  readonly #options: OpenInventoriesOptions;
  readonly #table: InventoryTable;
  readonly #known = new Map<string, KnownDatabase>();
  readonly #opening = new Map<string, Promise<KnownDatabase>>();
  readonly #end = new AbortController();

  constructor(options: OpenInventoriesOptions) {
    this.#options = options;
    this.#table = new InventoryTable(options.catalog);
  }

  async read(name: string, maxAgeMs?: number): Promise<Inventory> {
    const known = this.#known.get(name);
    const fresh = known?.fresh(maxAgeMs);
    if (fresh) return fresh;
    return (known ?? (await this.#open(name))).read(maxAgeMs);
  }

  peek(name: string): Inventory | undefined {
    return this.#known.get(name)?.last;
  }

  invalidate(name: string): void {
    this.#known.get(name)?.invalidate();
    // Other servers look again as well; where they cannot be told, they do so in a moment anyway.
    this.#options.catalog.notify('belay_inventory', `${this.#id} ${name}`).catch(() => {});
  }

  async save(inventory: Inventory): Promise<void> {
    const known = this.#known.get(inventory.database) ?? (await this.#open(inventory.database));
    await known.take(inventory);
  }

  /** Of this server: it need not be told of what it has told itself. */
  readonly #id = Math.random().toString(36).slice(2);

  changedElsewhere(message: string): void {
    const [sender, name = ''] = message.split(' ');
    if (sender === this.#id) return;
    this.#known.get(name)?.invalidate();
  }

  dropAll(): void {
    for (const known of this.#known.values()) known.invalidate();
  }

  /** It may have another URL by now, or be gone. @param name "": any of them */
  forget(name: string): void {
    if (name === '') this.#known.clear();
    else this.#known.delete(name);
  }

  async close(): Promise<void> {
    this.#end.abort();
    const all = await Promise.allSettled(this.#opening.values());
    const opened = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const idle = Promise.all([...this.#known.values(), ...opened].map((known) => known.idle()));
    // A server that does not answer is being connected to: the end must not wait for it.
    await Promise.race([idle, sleep(closePatienceMs, undefined, { ref: false })]);
  }

  /** @throws BelayError DATABASE_NOT_REGISTERED */
  #open(name: string): Promise<KnownDatabase> {
    const opening = this.#opening.get(name) ?? this.#openNew(name);
    this.#opening.set(name, opening);
    const done = () => this.#opening.delete(name);
    opening.then(done, done);
    return opening;
  }

  async #openNew(name: string): Promise<KnownDatabase> {
    const { databases } = this.#options;
    const registered = await databases.get(name);
    if (!registered) {
      throw new BelayError('DATABASE_NOT_REGISTERED', `no database is registered as "${name}"`, {
        hint: 'GET /api/databases lists those you may see.',
        details: { database: name },
      });
    }
    const isDirect = registered.kind === 'direct';
    const known = new KnownDatabase({
      ...{ name, table: this.#table, last: await this.#lastOf(name) },
      open: isDirect ? () => databases.open(name, 'look', looker) : undefined,
      tell: () => this.#options.catalog.notify('belay_inventory', `${this.#id} ${name}`),
      signal: () => AbortSignal.any([this.#end.signal, AbortSignal.timeout(lookTimeoutMs)]),
    });
    this.#known.set(name, known);
    return known;
  }

  /** What cannot be read of the catalog is looked at anew. */
  async #lastOf(name: string): Promise<Inventory | undefined> {
    return this.#table.read(name).catch((error: unknown) => {
      if (toBelayError(error).kind === 'bug' && !(error instanceof SyntaxError)) throw error;
      return undefined;
    });
  }
}

const looker = { kind: 'schedule', id: 'look', name: 'look' } as const;
