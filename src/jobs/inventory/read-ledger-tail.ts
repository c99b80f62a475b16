import type { LedgerEntry } from '../../domain/ledger.js';
import { readLedger } from '../../features/ledger/read.js';
import type { Target } from '../../features/target/open-target.js';
import { isSameServer } from '../databases/target-key.js';
import type { LookCache } from './look-cache.js';

/** Kept of one database. */
const mostKept = 500;
/** Read at first: the ledger may be that of many databases. */
const mostRead = 1_000;

/** The newest entries that are about the target, newest first. Reads only what came since the last look. */
export async function readLedgerTail(
  target: Target,
  cache: LookCache,
  before: readonly LedgerEntry[] = [],
): Promise<readonly LedgerEntry[]> {
  const store = await target.openStore();
  const after = cache.ledgerNumber;
  const { entries } = await readLedger(store, {
    ...(after === undefined ? {} : { after }),
    limit: mostRead,
  });
  cache.ledgerNumber = entries.at(-1)?.number ?? after ?? 0;
  const news = entries.filter((entry) => isAbout(entry, target)).reverse();
  // Of a first look everything is new: what was known may be of another store.
  const known = after === undefined ? [] : before;
  return news.length === 0 && after !== undefined ? before : [...news, ...known].slice(0, mostKept);
}

/** Whether an entry of a store that several databases share is about this one. */
export function isAbout(
  { target: about }: Pick<LedgerEntry, 'target'>,
  { server, database }: Pick<Target, 'server' | 'database'>,
): boolean {
  return about?.database === database && isSameServer(about.server, server);
}
