import { randomBytes } from 'node:crypto';
import type { ArchivePlace } from '../../domain/archive-keys.js';
import type { HistoryEntry, NewHistoryEntry } from '../../domain/history.js';
import { HistoryChain, type SealedEntry, sealEntry } from '../../domain/history-chain.js';
import {
  historyKey,
  historyPrefix,
  modelKey,
  modelPrefix,
  parseHistoryKey,
  parseModelKey,
} from '../../domain/history-keys.js';
import { checksumsToKeep } from '../../domain/history-retention.js';
import type { SchemaModel } from '../../domain/schema-model.js';
import { decodeStoredModel, encodeStoredModel, modelNotKept } from '../../domain/stored-model.js';
import { BelayError } from '../../errors.js';
import type { Store, StoreCallOptions } from '../../store/store.js';
import { readObjects } from '../ledger/read-objects.js';
import { checkModel } from './database-history.js';
import { whoRuns } from './history-actor.js';
import type { SchemaHistory } from './schema-history.js';

export interface StoreHistoryOptions extends StoreCallOptions {
  /** Role of the session on the database, for the entries. */
  readonly role: string;
}

/**
 * The history in the store, for databases that must not be touched. Entries and models are objects beside the archives
 * of the database.
 * @param place whose history it is
 */
export function openStoreHistory(
  store: Store,
  place: ArchivePlace,
  options: StoreHistoryOptions,
): SchemaHistory {
  return new StoreHistory(store, place, options);
}

const pageSize = 1000;

class StoreHistory implements SchemaHistory {
  readonly kind = 'store';
  readonly place: string;
  readonly #store: Store;
  readonly #of: ArchivePlace;
  readonly #role: string;
  readonly #call: StoreCallOptions;

  constructor(store: Store, place: ArchivePlace, { role, signal }: StoreHistoryOptions) {
    this.place = `store ${store.location}, under "${place.database}"`;
    this.#store = store;
    this.#of = place;
    this.#role = role;
    this.#call = { signal };
  }

  async read(): Promise<readonly HistoryEntry[]> {
    const chain = new HistoryChain(`history in the ${this.place}`);
    const numbers = await this.#list(historyPrefix(this.#of), parseHistoryKey);
    const key = (number: number) => historyKey(this.#of, number);
    for await (const [number, bytes] of readObjects(this.#store, numbers, key, this.#call)) {
      const sealed = bytes && parseObject(bytes, number);
      if (!sealed) throw chain.damaged(number, 'is no entry of a history');
      chain.add(sealed);
    }
    return chain.entries;
  }

  async readModel(checksum: string): Promise<SchemaModel> {
    const bytes = await this.#store.read(modelKey(this.#of, checksum), this.#call);
    if (!bytes) throw modelNotKept(checksum, this.place);
    return decodeStoredModel(bytes, checksum, this.place);
  }

  async keptModels(): Promise<ReadonlySet<string>> {
    return new Set(await this.#list(modelPrefix(this.#of), parseModelKey));
  }

  async append(entry: NewHistoryEntry, model: SchemaModel | null): Promise<HistoryEntry> {
    checkModel(entry, model);
    // First: an entry must not name a schema that an interruption kept from being written.
    if (model) await this.#keep(entry.checksum, model);
    const before = await this.#readEnd();
    const number = (before?.number ?? 0) + 1;
    const actor = { role: this.#role, ...whoRuns() };
    const whole = { ...entry, number, at: new Date().toISOString(), actor };
    const sealed = sealEntry(whole, before?.hash ?? null);
    const key = historyKey(this.#of, number);
    if ((await this.#store.create(key, encodeObject(sealed), this.#call)) === 'exists') {
      throw new BelayError(
        'LOCKED',
        `another run has written entry ${number} of the schema history at the same time`,
        { hint: 'Nothing was recorded; run it again.' },
      );
    }
    return { ...whole, hash: sealed.hash };
  }

  async prune(keep: number): Promise<readonly string[]> {
    const kept = checksumsToKeep(await this.read(), keep);
    const gone = [...(await this.keptModels())].filter((checksum) => !kept.has(checksum));
    for (const checksum of gone) await this.#store.delete(modelKey(this.#of, checksum), this.#call);
    return gone;
  }

  /** The last entry's place in the chain; reading the history is what verifies it. */
  async #readEnd(): Promise<SealedEntry | undefined> {
    const number = (await this.#list(historyPrefix(this.#of), parseHistoryKey)).at(-1);
    if (number === undefined) return undefined;
    const bytes = await this.#store.read(historyKey(this.#of, number), this.#call);
    const end = bytes && parseObject(bytes, number);
    if (end) return end;
    throw new HistoryChain(`history in the ${this.place}`).damaged(
      number,
      'is no entry of a history',
    );
  }

  async #keep(checksum: string, model: SchemaModel): Promise<void> {
    const key = modelKey(this.#of, checksum);
    if (await this.#store.stat(key, this.#call)) return;
    // Whoever was first meanwhile has written the same schema.
    await this.#store.create(key, encodeStoredModel(model), this.#call);
  }

  /** What the keys under a prefix stand for, in order. */
  async #list<T>(prefix: string, parse: (key: string) => T | undefined): Promise<T[]> {
    const found: T[] = [];
    for (let after: string | undefined; ; ) {
      const page = await this.#store.list(prefix, { after, limit: pageSize, ...this.#call });
      found.push(...page.flatMap(({ key }) => parse(key) ?? []));
      after = page.at(-1)?.key;
      if (page.length < pageSize) return found;
    }
  }
}

/** The nonce makes the bytes of two writers differ, whatever else they have in common. */
function encodeObject({ text, hash }: SealedEntry): Uint8Array {
  const nonce = randomBytes(8).toString('hex');
  return Buffer.from(`${JSON.stringify({ entry: JSON.parse(text), hash, nonce }, null, 2)}\n`);
}

function parseObject(bytes: Uint8Array, number: number): SealedEntry | undefined {
  try {
    const { entry, hash } = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return { number, text: JSON.stringify(entry), hash };
  } catch {
    return undefined;
  }
}
