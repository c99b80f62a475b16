import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { Job, JobEvent } from '../../src/contract/job';
import { type ApiError, call } from './api';
import { followJob } from './job-stream';

export const isOver = (job: Pick<Job, 'state'>): boolean =>
  !['queued', 'running'].includes(job.state);

export interface FollowedJob {
  readonly job: Job | undefined;
  readonly events: readonly JobEvent[];
  /** Why the job cannot be shown; a job that failed is no such error. */
  readonly error: ApiError | null;
  /** False while the connection to the server is away; it is tried again. */
  readonly isLive: boolean;
}

/** A job with its story as it happens; after a reload too, because the server keeps both. */
export function useJob(id: string | undefined): FollowedJob {
  const queries = useQueryClient();
  const [events, setEvents] = useState<readonly JobEvent[]>([]);
  const [isLive, setLive] = useState(true);
  const [lost, setLost] = useState<ApiError | null>(null);
  const { data: job, error } = useQuery<Job, ApiError>({
    queryKey: ['job', id],
    queryFn: ({ signal }) => call('GET', `/api/jobs/${encodeURIComponent(id ?? '')}`, { signal }),
    enabled: id !== undefined,
    // The stream tells of every change; this is for the case that something between keeps it back.
    refetchInterval: (query) => (query.state.data && isOver(query.state.data) ? false : 5_000),
  });

  useEffect(() => {
    setEvents([]);
    setLost(null);
    setLive(true);
    if (id === undefined) return;
    const ended = new AbortController();
    followJob(id, {
      onEvent: (event) => {
        setEvents((known) => [...known, event]);
        if (event.event.type === 'state') void queries.invalidateQueries({ queryKey: ['job', id] });
      },
      onConnection: setLive,
      signal: ended.signal,
    }).catch((thrown: ApiError) => setLost(thrown));
    return () => ended.abort();
  }, [id, queries]);

  return { job, events, error: job ? null : (error ?? lost), isLive };
}

/** Makes the next look at a database's pages fresh: a job has changed something. */
export function useForgetDatabase(): (database: string) => void {
  const queries = useQueryClient();
  return (database) => {
    const isAboutIt = (key: unknown) => key === database;
    void queries.invalidateQueries({
      predicate: ({ queryKey }) => queryKey[0] === 'databases' || queryKey.some(isAboutIt),
    });
  };
}
