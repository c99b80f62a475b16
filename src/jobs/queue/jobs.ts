import type { Caller } from '../../contract/caller.js';
import type { Job, JobEvent, JobInput, JobState, JobType } from '../../contract/job.js';
import type { IdempotencyKey } from './idempotency.js';

export interface JobOrder<T extends JobType = JobType> {
  readonly database: string;
  readonly type: T;
  readonly input: JobInput<T>;
  readonly caller: Pick<Caller, 'kind' | 'id' | 'name'>;
  /** The same key of the same caller gives the job that it began first. */
  readonly idempotency?: IdempotencyKey | undefined;
}

export interface JobFilter {
  /** Registered names; undefined: all. */
  readonly databases?: readonly string[] | undefined;
  readonly callerId?: string | undefined;
  readonly states?: readonly JobState[] | undefined;
  readonly types?: readonly JobType[] | undefined;
  /** At most 200; default 50. */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

/** The queue, as servers use it. What runs jobs uses a `JobSource`. */
export interface Jobs {
  /**
   * Accepts a job: from here on it ends as succeeded, failed or cancelled, whatever dies.
   * @throws BelayError TOO_MANY_JOBS where the queue is full (details: `retryAfterSeconds`), DATABASE_NOT_REGISTERED,
   * IDEMPOTENCY_KEY_REUSED
   */
  add<T extends JobType>(order: JobOrder<T>): Promise<Job>;
  get(id: string): Promise<Job | undefined>;
  /** Newest first. */
  list(filter: JobFilter): Promise<{ readonly jobs: readonly Job[]; readonly next: string | null }>;
  /** What happened after an event, oldest first, then what happens, until the job is over. */
  follow(id: string, afterSeq: number, signal: AbortSignal): AsyncIterable<JobEvent>;
  /** Resolves when the job is over, or when the signal is aborted, with the job as it is then. */
  wait(id: string, signal: AbortSignal): Promise<Job>;
  /** A queued one is over at once; one that runs is told at its next renewal. @throws BelayError JOB_NOT_FOUND, JOB_OVER */
  cancel(id: string): Promise<Job>;
}
