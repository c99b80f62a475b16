import type { Job, JobError, JobEvent } from '../../contract/job.js';

/** How a job has ended. A checkpoint that was not proven is a failure that has a result too. */
export type JobOutcome =
  | { readonly state: 'succeeded'; readonly result: unknown }
  | { readonly state: 'failed'; readonly error: JobError; readonly result?: unknown }
  | { readonly state: 'cancelled' };

/** A job that was taken: nobody else has it until the lease ends. */
export interface ClaimedJob extends Job {
  /** Of this attempt: what renewals and the end have to show, so that one who lost the job cannot end it. */
  readonly lease: string;
  readonly leaseMs: number;
}

/** "lost": somebody else has the job, or it is over: stop at once and change nothing. "cancel": end it, and say `cancelled`. */
export type LeaseAnswer = 'renewed' | 'cancel' | 'lost';

/** Where a worker takes its jobs from: the catalog itself in a server, HTTP in an agent. */
export interface JobSource {
  /**
   * Takes the oldest job that can run now, or waits up to `waitMs` for one. Never two jobs that change the same target.
   * @returns undefined where none came
   */
  claim(waitMs: number, signal: AbortSignal): Promise<ClaimedJob | undefined>;
  renew(job: ClaimedJob): Promise<LeaseAnswer>;
  report(job: ClaimedJob, events: readonly JobEvent['event'][]): Promise<void>;
  /** @returns false where the job was lost before: the outcome was not taken */
  finish(job: ClaimedJob, outcome: JobOutcome): Promise<boolean>;
  /**
   * Gives the job back unfinished: the next worker begins it again, where it may be begun again; else it has failed with this
   * error. Without this method it is left until its lease has ended.
   */
  release?(job: ClaimedJob, error: JobError): Promise<void>;
}

/** Does what a job says, with the credentials that only the worker knows. Throws BelayError; an abort ends it. */
export type RunJob = (
  job: ClaimedJob,
  options: { readonly report: (event: JobEvent['event']) => void; readonly signal: AbortSignal },
) => Promise<JobOutcome>;
