import type { Inventory } from '../../contract/inventory.js';

interface Page {
  readonly of: readonly Inventory[];
  readonly body: Uint8Array;
}

const maxPages = 500;

/**
 * Pages of lists as they were sent, for as long as nothing new is known of their databases: an inventory is never changed, a look
 * makes another one.
 */
export class PageCache {
  readonly #pages = new Map<string, Page>();

  /** @param key what was asked, and by whom as far as it matters */
  get(key: string, inventories: readonly Inventory[], make: () => object): Uint8Array {
    const known = this.#pages.get(key);
    if (known && isSame(known.of, inventories)) return known.body;
    // Encoded once: what is sent thousands of times a second is not turned into bytes each time.
    const body = Buffer.from(JSON.stringify(make()));
    if (this.#pages.size >= maxPages) this.#pages.clear();
    this.#pages.set(key, { of: inventories, body });
    return body;
  }
}

function isSame(a: readonly Inventory[], b: readonly Inventory[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}
