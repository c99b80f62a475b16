import type { Inventory } from '../../contract/inventory.js';

interface Page {
  readonly of: readonly Inventory[];
  readonly body: string;
}

const maxPages = 500;

/**
 * Pages of lists as they were sent, for as long as nothing new is known of their databases: an inventory is never changed, a look
 * makes another one.
 */
export class PageCache {
  readonly #pages = new Map<string, Page>();

  /** @param key what was asked, and by whom as far as it matters */
  get(key: string, inventories: readonly Inventory[], make: () => object): string {
    const known = this.#pages.get(key);
    if (known && isSame(known.of, inventories)) return known.body;
    const body = JSON.stringify(make());
    if (this.#pages.size >= maxPages) this.#pages.clear();
    this.#pages.set(key, { of: inventories, body });
    return body;
  }
}

function isSame(a: readonly Inventory[], b: readonly Inventory[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}
