import { type InfiniteData, useInfiniteQuery } from '@tanstack/react-query';
import type { LedgerEntry } from '../../src/domain/ledger';
import { type ApiError, call } from './api';
import { type ListedSnapshot, useInventory } from './queries';
import { hasWords, type TimelineItem, timelineItems } from './timeline-items';

interface SnapshotPage {
  readonly snapshots: readonly ListedSnapshot[];
  readonly next: string | null;
}

interface LedgerPage {
  readonly entries: readonly LedgerEntry[];
  readonly next: string | null;
}

const pageSize = 50;
const everyMs = 15_000;

/** Pages of a list of the API, each asked for when it is wanted. */
function usePages<Page extends { readonly next: string | null }>(
  key: readonly string[],
  path: string,
  query: Readonly<Record<string, string>>,
) {
  return useInfiniteQuery<
    Page,
    ApiError,
    InfiniteData<Page>,
    readonly string[],
    string | undefined
  >({
    queryKey: key,
    queryFn: ({ pageParam, signal }) =>
      call('GET', path, { query: { ...query, limit: pageSize, cursor: pageParam }, signal }),
    initialPageParam: undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    refetchInterval: everyMs,
    placeholderData: (known) => known,
  });
}

/** Time of the last thing of a source that has more; null: it is complete. */
const lastOf = (times: readonly string[], hasMore: boolean): string | null =>
  hasMore ? (times.at(-1) ?? null) : null;

/**
 * The timeline of a database: its snapshots as the server finds them, and what the ledger, the versions and the branches tell.
 * Each source comes in pages of its own, so what is older than the end of one of them waits until that one goes as far.
 */
export function useTimeline(database: string, words: string) {
  const snapshots = usePages<SnapshotPage>(['snapshots', database, words], '/api/snapshots', {
    ...{ database, q: words },
  });
  const ledger = usePages<LedgerPage>(['ledger', database, 'timeline'], '/api/ledger', {
    database,
  });
  const inventory = useInventory(database);
  const foundSnapshots = snapshots.data?.pages.flatMap((page) => page.snapshots) ?? [];
  const entries = ledger.data?.pages.flatMap((page) => page.entries) ?? [];
  const ends = [
    lastOf(
      foundSnapshots.map(({ createdAt }) => createdAt),
      snapshots.hasNextPage,
    ),
    lastOf(
      entries.map(({ at }) => at),
      ledger.hasNextPage,
    ),
  ];
  const horizon = ends.reduce((a, b) => (a === null ? b : b === null || a > b ? a : b), null);
  const items: readonly TimelineItem[] = timelineItems({
    ...{ snapshots: foundSnapshots, ledger: entries, horizon },
    versions: inventory.data?.versions ?? [],
    branches: inventory.data?.branches ?? [],
  }).filter((item) => hasWords(item, words));
  const loadOlder = () => {
    const [endOfSnapshots, endOfLedger] = ends;
    if (endOfSnapshots !== null && endOfSnapshots === horizon) void snapshots.fetchNextPage();
    if (endOfLedger !== null && endOfLedger === horizon) void ledger.fetchNextPage();
  };
  return {
    items,
    inventory: inventory.data,
    isLoading: snapshots.isPending || ledger.isLoading,
    /** Another search is on its way; the items are of the one before. */
    isStale: snapshots.isPlaceholderData,
    error: snapshots.error,
    ledgerError: ledger.error,
    hasOlder: horizon !== null,
    isLoadingOlder: snapshots.isFetchingNextPage || ledger.isFetchingNextPage,
    loadOlder,
    again: () => void Promise.all([snapshots.refetch(), ledger.refetch(), inventory.refetch()]),
  };
}
