import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'wouter';
import type { Job } from '../../src/contract/job';
import { type ApiError, call, startJob } from './api';

/** Work that was begun on a page. */
export interface Work {
  /** Of the job; undefined: none was begun. */
  readonly jobId: string | undefined;
  readonly isStarting: boolean;
  /** Why it could not be begun. A job that failed later is no such error. */
  readonly error: Error | null;
  /** @returns whether it was begun; if not, `error` says why */
  readonly begin: (path: string, body: unknown, method?: 'POST' | 'DELETE') => Promise<boolean>;
  /** Of a question that is asked anew, the failure of the one before says nothing. */
  readonly clearError: () => void;
  readonly forget: () => void;
}

/**
 * Begins work whose job then stands in the address, so that a reload, or the address sent to somebody else, comes back to it.
 * @param parameter its name in the address, e.g. "plan"
 */
export function useWork(parameter: string): Work {
  const [search, setSearch] = useSearchParams();
  const [isStarting, setStarting] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const put = (jobId: string | undefined) =>
    setSearch(() => {
      const next = new URLSearchParams(window.location.search);
      if (jobId === undefined) next.delete(parameter);
      else next.set(parameter, jobId);
      return next;
    });
  const begin: Work['begin'] = async (path, body, method) => {
    setStarting(true);
    setError(null);
    try {
      put((await startJob(path, body, method)).id);
      return true;
    } catch (thrown) {
      setError(thrown as Error);
      return false;
    } finally {
      setStarting(false);
    }
  };
  const forget = () => {
    setError(null);
    put(undefined);
  };
  const jobId = search.get(parameter) ?? undefined;
  return { jobId, isStarting, error, begin, forget, clearError: () => setError(null) };
}

/** A job as it is, for what it was given; without its story. */
export function useKnownJob(id: string | undefined): UseQueryResult<Job, ApiError> {
  return useQuery<Job, ApiError>({
    queryKey: ['job', id],
    queryFn: ({ signal }) => call('GET', `/api/jobs/${encodeURIComponent(id ?? '')}`, { signal }),
    enabled: id !== undefined,
  });
}
