import { parseLedgerKey } from '../../domain/ledger.js';
import type { Store, StoredObject } from '../../store/store.js';

/** Most bytes of one object that are kept: manifests and the like are small. */
const mostBytes = 256 * 1024;

/**
 * What looks at one database need not read again: small objects of its store that are as the last listing showed them, and how far
 * the ledger was read.
 */
export class LookCache {
  readonly #objects = new Map<string, { readonly stamp: string; readonly bytes: Uint8Array }>();
  readonly #stamps = new Map<string, string>();
  #location: string | undefined;
  /** Number of the last entry of the ledger that was looked at; undefined: none yet. */
  ledgerNumber: number | undefined;
  /** What the list of databases was when branches and versions were looked at. */
  databases: string | undefined;

  /** The store, of which objects that a listing shows unchanged are read once. */
  over(store: Store): Store {
    if (this.#location !== store.location) this.#clear(store.location);
    const read: Store['read'] = (key, options) => this.#read(store, key, options);
    const list: Store['list'] = (prefix, options) => this.#list(store, prefix, options);
    return new Proxy(store, {
      get: (target, property) => {
        if (property === 'read') return read;
        if (property === 'list') return list;
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  #clear(location: string): void {
    this.#objects.clear();
    this.#stamps.clear();
    this.#location = location;
    this.ledgerNumber = undefined;
  }

  async #list(
    store: Store,
    prefix: string,
    options: Parameters<Store['list']>[1],
  ): Promise<StoredObject[]> {
    const found = await store.list(prefix, options);
    if (options?.after !== undefined || options?.limit !== undefined) return found;
    for (const key of this.#stamps.keys()) if (key.startsWith(prefix)) this.#stamps.delete(key);
    for (const { key, sizeBytes, modifiedAt } of found) {
      this.#stamps.set(key, `${sizeBytes} ${modifiedAt.getTime()}`);
    }
    for (const key of this.#objects.keys()) {
      if (key.startsWith(prefix) && !this.#stamps.has(key)) this.#objects.delete(key);
    }
    return found;
  }

  async #read(
    store: Store,
    key: string,
    options: Parameters<Store['read']>[1],
  ): Promise<Uint8Array | undefined> {
    const stamp = this.#stamps.get(key);
    const known = this.#objects.get(key);
    if (stamp !== undefined && known?.stamp === stamp) return known.bytes;
    const bytes = await store.read(key, options);
    const isKept = bytes !== undefined && stamp !== undefined && bytes.length <= mostBytes;
    // Entries of the ledger are read once anyway.
    if (isKept && parseLedgerKey(key) === undefined) this.#objects.set(key, { stamp, bytes });
    return bytes;
  }
}
