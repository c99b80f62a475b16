import type { Inventory } from '../../contract/inventory.js';
import { toBelayError } from '../../errors.js';
import type { Target } from '../../features/target/open-target.js';
import { digestOf, type InventoryTable } from './inventory-table.js';
import { lookAt, unreachable } from './look-at.js';
import { LookCache } from './look-cache.js';

export interface KnownDatabaseOptions {
  readonly name: string;
  readonly table: InventoryTable;
  /** What the catalog has kept. */
  readonly last: Inventory | undefined;
  /** Connects to it; undefined: only an agent does. */
  readonly open: (() => Promise<Target>) | undefined;
  /** Tells other servers that there is something new. */
  readonly tell: () => Promise<void>;
  /** For one look. */
  readonly signal: () => AbortSignal;
}

/** A quick look may be repeated after so long. */
const leastAgeMs = 500;
/** Looking must not be all that a slow server does. */
const ageByDuration = 5;
/** Branches and versions are looked at again after so long even where nothing points to a change. */
const thoroughEveryMs = 10_000;
/** What an agent has sent comes by the catalog: it is read again after so long, should a message be lost. */
const agentAgeMs = 2_000;

/** What one database is known to hold, and how fresh that is. */
export class KnownDatabase {
  readonly #options: KnownDatabaseOptions;
  readonly #cache = new LookCache();
  #last: Inventory | undefined;
  #digest: string | undefined;
  #at = Number.NEGATIVE_INFINITY;
  #ageMs = leastAgeMs;
  #thoroughAt = Number.NEGATIVE_INFINITY;
  /** Grows with every change that is known of: a look that began before one is not fresh after it. */
  #changes = 0;
  #seenChanges = -1;
  #looking: { readonly changes: number; readonly done: Promise<Inventory> } | undefined;
  #next: Promise<Inventory> | undefined;

  constructor(options: KnownDatabaseOptions) {
    this.#options = options;
    this.#last = options.last;
  }

  get last(): Inventory | undefined {
    return this.#last;
  }

  invalidate(): void {
    this.#changes += 1;
  }

  /**
   * What is known, where that is fresh enough. While somebody asks all the time, a look is begun before it is needed, so that nobody
   * waits for it.
   */
  fresh(maxAgeMs?: number): Inventory | undefined {
    if (!this.#last || this.#seenChanges !== this.#changes) return undefined;
    const age = performance.now() - this.#at;
    if (maxAgeMs !== undefined) return age <= maxAgeMs ? this.#last : undefined;
    if (age > 2 * this.#ageMs) return undefined;
    if (age > this.#ageMs) this.#look().catch(() => {});
    return this.#last;
  }

  async read(maxAgeMs?: number): Promise<Inventory> {
    return this.fresh(maxAgeMs) ?? this.#look(maxAgeMs === 0);
  }

  /** What an agent, or a job, has found. */
  async take(inventory: Inventory): Promise<void> {
    this.#note(inventory, this.#changes, leastAgeMs);
    await this.#keep(inventory);
  }

  /** Waits until nothing is under way. */
  async idle(): Promise<void> {
    while (this.#looking) await this.#looking.done.catch(() => {});
  }

  /** One look at a time: whom the running one does not serve waits for the next, together with all others. */
  #look(isThorough = false): Promise<Inventory> {
    const running = this.#looking;
    if (!running) return this.#begin(isThorough);
    if (running.changes === this.#changes && !isThorough) return running.done;
    const next = () => {
      this.#next = undefined;
      return this.#begin(true);
    };
    this.#next ??= running.done.then(next, next);
    return this.#next;
  }

  #begin(isThorough: boolean): Promise<Inventory> {
    const changes = this.#changes;
    const done = this.#lookNow(isThorough, changes).finally(() => {
      if (this.#looking?.done === done) this.#looking = undefined;
    });
    this.#looking = { changes, done };
    return done;
  }

  async #lookNow(asked: boolean, changes: number): Promise<Inventory> {
    const { open } = this.#options;
    if (!open) return this.#readKept(changes);
    const startedAt = performance.now();
    const isThorough =
      asked || changes !== this.#seenChanges || startedAt - this.#thoroughAt > thoroughEveryMs;
    const found = await this.#lookThrough(open, isThorough);
    if (isThorough) this.#thoroughAt = startedAt;
    // Keeping it takes its time as well, and is done before anybody is told.
    await this.#keep(found);
    this.#note(found, changes, performance.now() - startedAt);
    return found;
  }

  /** Never fails: a database that is out of reach is known as before, with its problem. */
  async #lookThrough(open: () => Promise<Target>, isThorough: boolean): Promise<Inventory> {
    const { name } = this.#options;
    try {
      const target = await open();
      try {
        return await lookAt(target, {
          ...{ name, before: this.#last, isThorough, cache: this.#cache },
          signal: this.#options.signal(),
        });
      } finally {
        await target.close();
      }
    } catch (error) {
      return unreachable(name, error, this.#last);
    }
  }

  async #readKept(changes: number): Promise<Inventory> {
    const { name, table } = this.#options;
    const last = this.#last ?? { ...unreachable(name, undefined), problem: notSeenYet };
    const kept = await table.readChanged(name, this.#digest).catch((error: unknown) => {
      if (toBelayError(error).kind === 'bug') throw error;
      return undefined;
    });
    if (kept) this.#digest = kept.digest;
    const found = kept?.inventory ?? last;
    this.#note(found, changes, agentAgeMs / ageByDuration);
    return found;
  }

  #note(found: Inventory, changes: number, durationMs: number): void {
    this.#last = found;
    this.#seenChanges = changes;
    this.#at = performance.now();
    this.#ageMs = Math.max(leastAgeMs, ageByDuration * durationMs);
  }

  /** In the catalog, where there is something new. That it cannot be kept is no reason not to show it. */
  async #keep(found: Inventory): Promise<void> {
    const digest = digestOf(found);
    if (digest === this.#digest) return;
    try {
      await this.#options.table.write(found, digest);
      this.#digest = digest;
      await this.#options.tell();
    } catch (error) {
      if (toBelayError(error).kind === 'bug') throw error;
    }
  }
}

const notSeenYet = {
  code: 'NEEDS_AGENT',
  message: 'its agent has not reported yet',
  hint: 'Start `belay agent` beside the database.',
};
