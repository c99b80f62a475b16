import { setTimeout as sleep } from 'node:timers/promises';
import type { JobError } from '../../contract/job.js';
import { BelayError, toBelayError } from '../../errors.js';
import { EventBuffer, isRefusal } from './event-buffer.js';
import { toJson } from './job-rows.js';
import type { ClaimedJob, JobOutcome, JobSource, LeaseAnswer, RunJob } from './job-source.js';

export interface RunOptions {
  readonly source: JobSource;
  readonly run: RunJob;
  readonly renewMs: number;
  readonly onError: (error: unknown, job: ClaimedJob) => void;
  /** Aborted when the worker has to end: the job is given back. */
  readonly stopping: AbortSignal;
}

/** Why a run was ended before its time. */
type EndReason = 'lost' | 'expired' | 'cancelled' | 'stopping';

const retryMs = 500;
/** After the lease: an outcome is taken as long as nobody else has the job, so it is worth some patience. */
const finishPatienceMs = 60_000;

/**
 * Runs a job that was taken, to its end: renews the lease, hands on the progress, reports the outcome. A job that is somebody
 * else's by now is stopped and not reported.
 */
export async function runClaimedJob(job: ClaimedJob, options: RunOptions): Promise<void> {
  await new ClaimedRun(job, options).toEnd();
}

class ClaimedRun {
  readonly #job: ClaimedJob;
  readonly #options: RunOptions;
  readonly #aborting = new AbortController();
  readonly #over = new AbortController();
  readonly #events: EventBuffer;
  #reason: EndReason | undefined;
  /** By the monotonic clock; nobody else has the job before. */
  #expiresAtMs = 0;
  #expiry: NodeJS.Timeout | undefined;

  constructor(job: ClaimedJob, options: RunOptions) {
    this.#job = job;
    this.#options = options;
    this.#events = new EventBuffer({
      send: (events) => options.source.report(job, events),
      onError: (error) => options.onError(error, job),
    });
  }

  async toEnd(): Promise<void> {
    const { stopping } = this.#options;
    const onStop = () => this.#end('stopping');
    stopping.addEventListener('abort', onStop);
    // How long ago the claim was answered nobody knows. Nothing is begun before a renewal has said that the job is ours.
    this.#extend(performance.now() + this.#job.leaseMs);
    await this.#renewUntilAnswered();
    const renewing = this.#keepRenewing();
    try {
      if (stopping.aborted) this.#end('stopping');
      const outcome = this.#reason === undefined ? await this.#run() : notBegun();
      await this.#conclude(outcome);
    } finally {
      stopping.removeEventListener('abort', onStop);
      clearTimeout(this.#expiry);
      this.#over.abort();
      this.#events.close();
      await renewing;
    }
  }

  async #run(): Promise<JobOutcome> {
    try {
      const outcome = await this.#options.run(this.#job, {
        report: (event) => this.#events.add(event),
        signal: this.#aborting.signal,
      });
      // What cannot be written down must fail here, and not when it is told.
      toJson(outcome);
      return outcome;
    } catch (error) {
      return { state: 'failed', error: jobError(error) };
    }
  }

  #end(reason: EndReason): void {
    if (this.#reason !== undefined && reason !== 'lost') return;
    this.#reason = reason;
    this.#aborting.abort(abortReason(reason, this.#job.id));
  }

  /** Resolves when a renewal has said whose the job is, or the lease is over. */
  async #renewUntilAnswered(): Promise<void> {
    while (!(await this.#renewOnce()) && this.#reason === undefined) {
      await sleep(Math.min(retryMs, this.#options.renewMs));
    }
  }

  /** The loop of renewals, which ends with the run. */
  async #keepRenewing(): Promise<void> {
    const { signal } = this.#over;
    const { renewMs } = this.#options;
    let delayMs = renewMs;
    while (!signal.aborted && this.#reason !== 'lost') {
      await sleep(delayMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      delayMs = (await this.#renewOnce()) ? renewMs : Math.min(retryMs, renewMs);
    }
  }

  /**
   * Waits for an answer no longer than a part of the lease: another attempt may go another way. One that comes late counts
   * all the same.
   * @returns whether there was one in time
   */
  async #renewOnce(): Promise<boolean> {
    const askedAtMs = performance.now();
    const asking = this.#options.source.renew(this.#job).then(
      (answer) => this.#heed(answer, askedAtMs),
      (error: unknown) => this.#complain(error),
    );
    return isTrueWithin(asking, this.#job.leaseMs / 3, this.#over.signal);
  }

  /** Counted from before it was asked: when the catalog counted it, it was later. */
  #heed(answer: LeaseAnswer, askedAtMs: number): boolean {
    if (answer === 'lost') this.#end('lost');
    else this.#extend(askedAtMs + this.#job.leaseMs);
    if (answer === 'cancel') this.#end('cancelled');
    return true;
  }

  #complain(error: unknown): boolean {
    if (!this.#over.signal.aborted) this.#options.onError(error, this.#job);
    return false;
  }

  #extend(untilMs: number): void {
    this.#expiresAtMs = Math.max(this.#expiresAtMs, untilMs);
    clearTimeout(this.#expiry);
    if (this.#over.signal.aborted) return;
    this.#expiry = setTimeout(() => this.#end('expired'), this.#expiresAtMs - performance.now());
  }

  async #conclude(outcome: JobOutcome): Promise<void> {
    if (this.#reason === 'lost') return;
    const { source } = this.#options;
    const { release } = source;
    const isUndone = outcome.state !== 'succeeded';
    if (this.#reason === 'cancelled' && isUndone) return this.#finish({ state: 'cancelled' });
    if (this.#reason === 'stopping' || this.#reason === 'expired') {
      const error = outcome.state === 'failed' ? outcome.error : stopped(this.#job.worker);
      if (isUndone && release) {
        await this.#insist(() => release.call(source, this.#job, error));
        return;
      }
      // Left alone it goes back when the lease has ended.
      if (isUndone && this.#reason === 'expired') return;
    }
    return this.#finish(outcome);
  }

  async #finish(outcome: JobOutcome): Promise<void> {
    const refusal = await this.#insist(async () => {
      await this.#events.flush();
      await this.#options.source.finish(this.#job, outcome);
    });
    if (refusal === undefined) return;
    // E.g. a result that is too large: then it has ended with that.
    const failed: JobOutcome = { state: 'failed', error: jobError(refusal) };
    await this.#insist(() => this.#options.source.finish(this.#job, failed));
  }

  /**
   * Tries until it is told that it was taken, or is too late.
   * @returns why it will never be taken
   */
  async #insist(tell: () => Promise<unknown>): Promise<BelayError | undefined> {
    for (;;) {
      try {
        await tell();
        return undefined;
      } catch (error) {
        this.#options.onError(error, this.#job);
        if (isRefusal(error)) return error;
        const untilMs = this.#expiresAtMs + finishPatienceMs;
        if (this.#reason === 'lost' || performance.now() > untilMs) return undefined;
        await sleep(retryMs);
      }
    }
  }
}

async function isTrueWithin(
  asking: Promise<boolean>,
  withinMs: number,
  over: AbortSignal,
): Promise<boolean> {
  const waiting = new AbortController();
  const signal = AbortSignal.any([waiting.signal, over]);
  const late = sleep(withinMs, false, { signal }).catch(() => false);
  try {
    return await Promise.race([asking, late]);
  } finally {
    waiting.abort();
  }
}

/** A failure as a job shows it. */
function jobError(thrown: unknown): JobError {
  const { code, kind, message, hint } = toBelayError(thrown);
  return { code, kind, message, ...(hint === undefined ? {} : { hint }) };
}

function notBegun(): JobOutcome {
  return { state: 'failed', error: stopped(null) };
}

function stopped(worker: string | null): JobError {
  return {
    code: 'WORKER_LOST',
    kind: 'environment',
    message: `the worker${worker === null ? '' : ` ${worker}`} ended while it ran the job`,
    hint: 'What it changes is done whole or not at all: look at the timeline of the database, then ask for the job again.',
  };
}

function abortReason(reason: EndReason, id: string): BelayError {
  const why: Readonly<Record<EndReason, string>> = {
    lost: 'another worker has it',
    expired: 'the catalog was away for longer than its lease',
    cancelled: 'it was cancelled',
    stopping: 'its worker ends',
  };
  return new BelayError('INTERRUPTED', `the job ${id} was stopped: ${why[reason]}`, {
    hint: 'Look at the job to see what became of it.',
  });
}
