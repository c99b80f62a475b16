import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaimedJob, JobSource, RunJob } from './job-source.js';
import { runClaimedJob } from './run-claimed-job.js';

export interface WorkerOptions {
  readonly source: JobSource;
  readonly run: RunJob;
  /** Jobs at once, default 2. */
  readonly concurrency?: number | undefined;
  /** Told of what went wrong on the way, e.g. that the catalog is away; the worker goes on. */
  readonly onError?: ((error: unknown, job?: ClaimedJob) => void) | undefined;
  /** Between two renewals, default 5 s: a third of the lease. */
  readonly renewMs?: number | undefined;
}

export interface RunningWorker {
  /**
   * Takes no more jobs, and waits for those that run. The rest is aborted after the grace: what may be begun again is given back.
   */
  close(graceMs: number): Promise<void>;
}

const defaultConcurrency = 2;
const defaultRenewMs = 5_000;
const claimWaitMs = 20_000;
const firstDelayMs = 250;
const longestDelayMs = 5_000;
/** For a job that was aborted to end: a dump has to be stopped, a connection closed. */
const abortPatienceMs = 20_000;

/** Takes jobs from a source and does them, until it is closed. */
export function startWorker(options: WorkerOptions): RunningWorker {
  const { source, run, concurrency = defaultConcurrency, renewMs = defaultRenewMs } = options;
  const onError = options.onError ?? (() => {});
  const closing = new AbortController();
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const begin = (job: ClaimedJob) => {
    const work = runClaimedJob(job, { source, run, renewMs, onError, stopping: stopping.signal })
      .catch((error: unknown) => onError(error, job))
      .finally(() => running.delete(work));
    running.add(work);
  };
  const taking = takeJobs(begin, running, { source, concurrency, onError, signal: closing.signal });
  return {
    close: async (graceMs) => {
      closing.abort();
      const allOver = async () => {
        await taking;
        while (running.size > 0) await Promise.all(running);
      };
      const over = allOver();
      if (await isOverWithin(over, graceMs)) return;
      stopping.abort();
      await isOverWithin(over, abortPatienceMs);
    },
  };
}

interface TakingOptions {
  readonly source: JobSource;
  readonly concurrency: number;
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

async function takeJobs(
  begin: (job: ClaimedJob) => void,
  running: ReadonlySet<Promise<void>>,
  { source, concurrency, onError, signal }: TakingOptions,
): Promise<void> {
  let delayMs = firstDelayMs;
  while (!signal.aborted) {
    if (running.size >= concurrency) {
      await untilOneEnds(running, signal);
      continue;
    }
    try {
      // Also a job that came with the abort: it was given to this worker, and nobody else looks after it.
      const job = await source.claim(claimWaitMs, signal);
      if (job) begin(job);
      delayMs = firstDelayMs;
    } catch (error) {
      if (signal.aborted) return;
      onError(error);
      await sleep(delayMs, undefined, { signal }).catch(() => {});
      delayMs = Math.min(delayMs * 2, longestDelayMs);
    }
  }
}

async function untilOneEnds(
  running: ReadonlySet<Promise<void>>,
  signal: AbortSignal,
): Promise<void> {
  let stop = () => {};
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    signal.addEventListener('abort', stop);
  });
  await Promise.race([...running, aborted]);
  signal.removeEventListener('abort', stop);
}

async function isOverWithin(over: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([over.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
