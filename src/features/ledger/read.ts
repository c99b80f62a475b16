import { type LedgerEntry, ledgerKey, parseLedgerEntry } from '../../domain/ledger.js';
import type { Store, StoreCallOptions } from '../../store/store.js';
import { listEntries, readLedgerHead } from './head.js';
import { readObjects } from './read-objects.js';

export interface ReadLedgerOptions extends StoreCallOptions {
  /** Only the newest so many. */
  readonly limit?: number | undefined;
  /** Only those behind this number. */
  readonly after?: number | undefined;
}

export interface LedgerPage {
  /** Newest last. */
  readonly entries: readonly LedgerEntry[];
  /** Entries that make no sense; `verifyLedger` tells more. */
  readonly unreadable: readonly { readonly number: number; readonly why: string }[];
}

/**
 * Entries of the ledger.
 * @example
 * const { entries } = await readLedger(store, { limit: 20 });
 */
export async function readLedger(
  store: Store,
  options: ReadLedgerOptions = {},
): Promise<LedgerPage> {
  const { limit = Number.POSITIVE_INFINITY, signal } = options;
  const head = await readLedgerHead(store, { signal });
  const after = Math.max(options.after ?? 0, (head?.number ?? 0) - limit);
  const numbers = await listEntries(store, after, { signal });
  const entries: LedgerEntry[] = [];
  const unreadable: { number: number; why: string }[] = [];
  for await (const [number, bytes] of readObjects(store, numbers, ledgerKey, { signal })) {
    const parsed = parseLedgerEntry(bytes ?? Buffer.alloc(0), number);
    if (parsed.type === 'entry') entries.push(parsed.entry);
    else unreadable.push({ number, why: parsed.why });
  }
  return { entries, unreadable };
}
