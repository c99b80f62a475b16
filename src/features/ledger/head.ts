import {
  type LedgerHead,
  ledgerHeadKey,
  ledgerKey,
  ledgerPrefix,
  parseLedgerHead,
  parseLedgerKey,
  sha256Of,
} from '../../domain/ledger.js';
import { BelayError } from '../../errors.js';
import type { Store, StoreCallOptions } from '../../store/store.js';

const pageSize = 1000;

/** Numbers of the entries that there are behind a number, in order. */
export async function listEntries(
  store: Store,
  after: number,
  options: StoreCallOptions,
): Promise<number[]> {
  const numbers: number[] = [];
  let last = ledgerKey(after);
  for (;;) {
    const page = await store.list(ledgerPrefix, { after: last, limit: pageSize, ...options });
    numbers.push(...page.flatMap(({ key }) => parseLedgerKey(key) ?? []));
    const end = page.at(-1);
    if (page.length < pageSize || !end) return numbers;
    last = end.key;
  }
}

/** What the note beside the ledger says; undefined where there is none. */
export async function readHeadNote(
  store: Store,
  options: StoreCallOptions,
): Promise<LedgerHead | undefined> {
  return parseLedgerHead(await store.read(ledgerHeadKey, options));
}

/**
 * The newest entry; null in an empty ledger. Reads what came after `known`, not the whole ledger. A noted entry that is no
 * longer there stays the head: whoever takes it away leaves a gap that no later entry closes.
 */
export async function findHead(
  store: Store,
  known: LedgerHead | undefined,
  options: StoreCallOptions,
): Promise<LedgerHead | null> {
  const number = (await listEntries(store, known?.number ?? 0, options)).at(-1);
  if (number === undefined) return known ?? null;
  const bytes = await store.read(ledgerKey(number), options);
  if (bytes) return { number, sha256: sha256Of(bytes) };
  throw new BelayError(
    'STORE_OBJECT_MISSING',
    `${store.location} lists ${ledgerKey(number)} but does not give it`,
    { hint: 'Was it deleted this moment? `belay ledger verify` tells.' },
  );
}

export async function readLedgerHead(
  store: Store,
  options: StoreCallOptions = {},
): Promise<LedgerHead | null> {
  return findHead(store, await readHeadNote(store, options), options);
}
