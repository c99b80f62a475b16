import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { type ApiError, call, type RequestOptions } from '../api';
import { Button } from './button';
import { ErrorState, Loading } from './states';

/** A list of the API, page after page. */
export interface PagedList<T> {
  /** Undefined: not known yet. */
  readonly items: readonly T[] | undefined;
  readonly error: ApiError | null;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
  readonly loadMore: () => void;
  readonly reload: () => void;
}

interface ListOrder {
  readonly key: QueryKey;
  readonly path: string;
  /** What the answer calls its items, e.g. "tokens". */
  readonly field: string;
  readonly query?: RequestOptions['query'];
  /** Looks again after so long, in milliseconds. */
  readonly refreshMs?: number;
}

/** Reads a list of the API: the first page at once, the others when they are asked for. */
export function useList<T>({ key, path, field, query, refreshMs }: ListOrder): PagedList<T> {
  type Answer = Readonly<Record<string, readonly T[]>> & { readonly next: string | null };
  const pages = useInfiniteQuery<Answer, ApiError, { pages: Answer[] }, QueryKey, string | null>({
    queryKey: key,
    queryFn: ({ pageParam, signal }) =>
      call('GET', path, { query: { ...query, cursor: pageParam }, signal }),
    initialPageParam: null,
    getNextPageParam: ({ next }) => next,
    ...(refreshMs === undefined ? {} : { refetchInterval: refreshMs }),
  });
  return {
    items: pages.data?.pages.flatMap((page) => page[field] ?? []),
    error: pages.error,
    hasMore: pages.hasNextPage,
    isLoadingMore: pages.isFetchingNextPage,
    loadMore: () => void pages.fetchNextPage(),
    reload: () => void pages.refetch(),
  };
}

/** What stands around a list: that it is on its way, that it failed, that it is empty, that there is more. */
export function ListFrame<T>(props: {
  readonly list: PagedList<T>;
  /** What could not be read, e.g. "The tokens could not be read". */
  readonly failure: string;
  readonly empty: ReactNode;
  readonly children: (items: readonly T[]) => ReactNode;
}) {
  const { list } = props;
  const { items, error } = list;
  return (
    <>
      {error && <ErrorState error={error} title={props.failure} onRetry={list.reload} />}
      {!items && !error && <Loading />}
      {items?.length === 0 && props.empty}
      {items && items.length > 0 && props.children(items)}
      {list.hasMore && (
        <p>
          <Button onClick={list.loadMore} isBusy={list.isLoadingMore}>
            Show more
          </Button>
        </p>
      )}
    </>
  );
}
