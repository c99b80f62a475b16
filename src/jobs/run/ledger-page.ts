import { type LedgerEntry, ledgerKey, parseLedgerEntry } from '../../domain/ledger.js';
import { listEntries } from '../../features/ledger/head.js';
import { readObjects } from '../../features/ledger/read-objects.js';
import type { Target } from '../../features/target/open-target.js';
import { isAbout } from '../inventory/read-ledger-tail.js';

export interface LedgerPageOptions {
  /** Only entries with lower numbers. */
  readonly before?: number | undefined;
  /** Default 50. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface LedgerPage {
  /** Newest first. */
  readonly entries: readonly LedgerEntry[];
  /** What `before` has to be for the next page; null: there is none. */
  readonly next: number | null;
}

const defaultLimit = 50;
/** Entries of other databases that are read at most: a ledger may be a hundred's. */
const mostRead = 2_000;
const batch = 64;

/** Entries of the ledger that are about a target, newest first. */
export async function readLedgerPage(
  target: Target,
  { before, limit = defaultLimit, signal }: LedgerPageOptions,
): Promise<LedgerPage> {
  const store = await target.openStore();
  const numbers = (await listEntries(store, 0, { signal }))
    .filter((number) => before === undefined || number < before)
    .reverse();
  const entries: LedgerEntry[] = [];
  let last: number | undefined;
  for (let from = 0; from < Math.min(numbers.length, mostRead); from += batch) {
    const some = numbers.slice(from, from + batch);
    for await (const [number, bytes] of readObjects(store, some, ledgerKey, { signal })) {
      if (entries.length === limit) return { entries, next: last ?? null };
      last = number;
      const parsed = parseLedgerEntry(bytes ?? Buffer.alloc(0), number);
      if (parsed.type === 'entry' && isAbout(parsed.entry, target)) entries.push(parsed.entry);
    }
  }
  const isMore = last !== undefined && numbers.at(-1) !== last;
  return { entries, next: isMore && last !== undefined ? last : null };
}
