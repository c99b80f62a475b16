import type { Inventory } from '../../contract/inventory.js';

/**
 * What is known of every database, in memory and in the catalog, so that pages and lists do not wait for a server far away.
 */
export interface Inventories {
  /**
   * What is known, at most `maxAgeMs` old where the server can look itself (default: adaptive, half a second for a
   * quick look); one look at a time. A look that fails gives the last one with `problem`.
   * @throws BelayError DATABASE_NOT_REGISTERED
   */
  read(name: string, maxAgeMs?: number): Promise<Inventory>;
  /** What is known without looking; undefined: nothing yet. */
  peek(name: string): Inventory | undefined;
  /** The next `read` looks again: something was changed. */
  invalidate(name: string): void;
  /** Takes what an agent has found. */
  save(inventory: Inventory): Promise<void>;
}
