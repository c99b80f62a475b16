import { setTimeout as sleep } from 'node:timers/promises';
import {
  agentFinishedSchema,
  agentRenewedSchema,
  claimedJobSchema,
  longestClaimSeconds,
  mostAgentEvents,
} from '../contract/agent.js';
import type { JobError } from '../contract/job.js';
import { BelayError } from '../errors.js';
import type { ClaimedJob, JobOutcome, JobSource } from '../jobs/queue/job-source.js';
import { boundEvents, boundOutcome } from './bounded-reports.js';
import { isAway, type ServerClient } from './server-client.js';

/** A job as an agent has it: with what the server says of its database. */
export interface AgentJob extends ClaimedJob {
  readonly environment: 'development' | 'production';
}

export interface HttpJobSourceOptions {
  readonly client: ServerClient;
  readonly databases: readonly string[];
  /** Of the agent. */
  readonly name: string;
  readonly version: string;
  /** False: samples of rows are taken out of results. */
  readonly showRows: boolean;
  /** Told when the server says that the agent must not go on, e.g. because its token was revoked. */
  readonly onRefusal: (error: BelayError) => void;
  /** Told when no job waits, and when the server is away or back. */
  readonly onState: (state: 'idle' | 'away' | 'back', error?: BelayError) => void;
  /** Ask once, and do not wait: for `--once`. */
  readonly isOnce: boolean;
}

/** A job runs: the connection is needed for its renewals, so one asks for the next job in short. */
const busyPauseMs = 2_000;
const firstPauseMs = 500;
const longestPauseMs = 30_000;

/** Takes jobs from a server over HTTP. */
export class HttpJobSource implements JobSource {
  readonly #options: HttpJobSourceOptions;
  /** Leases of jobs that are not over, and until when one is surely not renewed any more. */
  readonly #held = new Map<string, number>();
  #pauseMs = firstPauseMs;
  #isAway = false;

  constructor(options: HttpJobSourceOptions) {
    this.#options = options;
  }

  async claim(waitMs: number, signal: AbortSignal): Promise<ClaimedJob | undefined> {
    const isBusy = this.#isBusy();
    const { isOnce, databases, name, version } = this.#options;
    const seconds = isBusy || isOnce ? 0 : Math.min(waitMs / 1_000, longestClaimSeconds);
    const body = { databases, waitSeconds: seconds, name, version };
    const timeoutMs = (seconds + 15) * 1_000;
    try {
      const answer = await this.#call('/api/agent/claim', body, { timeoutMs, signal });
      this.#isBack();
      if (answer.status === 200) return this.#take(answer.body);
    } catch (error) {
      if (signal.aborted) return undefined;
      await this.#pauseAfter(error, signal);
      return undefined;
    }
    if (!isBusy) this.#options.onState('idle');
    else await pause(Math.min(busyPauseMs, waitMs), signal);
    return undefined;
  }

  async renew(job: ClaimedJob) {
    const path = `/api/agent/jobs/${job.id}/renew`;
    const { body } = await this.#call(path, { lease: job.lease });
    const { answer } = parsed(agentRenewedSchema, body);
    if (answer === 'lost') this.#held.delete(job.lease);
    else this.#hold(job);
    return answer;
  }

  async report(job: ClaimedJob, events: Parameters<JobSource['report']>[1]): Promise<void> {
    const path = `/api/agent/jobs/${job.id}/events`;
    const bounded = boundEvents(events);
    for (let at = 0; at < bounded.length; at += mostAgentEvents) {
      const batch = bounded.slice(at, at + mostAgentEvents);
      await this.#call(path, { lease: job.lease, events: batch });
    }
  }

  async finish(job: ClaimedJob, outcome: JobOutcome): Promise<boolean> {
    const path = `/api/agent/jobs/${job.id}/finish`;
    const bounded = boundOutcome(outcome, { showRows: this.#options.showRows });
    const { body } = await this.#call(path, { lease: job.lease, outcome: bounded });
    this.#held.delete(job.lease);
    return parsed(agentFinishedSchema, body).taken;
  }

  async release(job: ClaimedJob, error: JobError): Promise<void> {
    await this.#call(`/api/agent/jobs/${job.id}/release`, { lease: job.lease, error });
    this.#held.delete(job.lease);
  }

  #call(
    path: string,
    body: unknown,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ) {
    return this.#options.client.call({ method: 'POST', path, body, ...options });
  }

  #take(body: unknown): ClaimedJob {
    const job = parsed(claimedJobSchema, body);
    this.#hold(job);
    return job;
  }

  #hold({ lease, leaseMs }: Pick<ClaimedJob, 'lease' | 'leaseMs'>): void {
    this.#held.set(lease, performance.now() + 2 * leaseMs);
  }

  #isBusy(): boolean {
    for (const [lease, untilMs] of this.#held) {
      if (untilMs < performance.now()) this.#held.delete(lease);
    }
    return this.#held.size > 0;
  }

  #isBack(): void {
    this.#pauseMs = firstPauseMs;
    if (this.#isAway) this.#options.onState('back');
    this.#isAway = false;
  }

  /** A server that is started anew must not be overrun by all its agents at once. */
  async #pauseAfter(error: unknown, signal: AbortSignal): Promise<void> {
    if (!(error instanceof BelayError)) throw error;
    if (!isAway(error)) this.#options.onRefusal(error);
    else if (!this.#isAway) this.#options.onState('away', error);
    this.#isAway = true;
    // While a job runs, its renewals tell soon enough when the server is back.
    const longest = this.#isBusy() ? busyPauseMs : this.#pauseMs;
    await pause(longest * (0.5 + Math.random() / 2), signal);
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}

/** @throws BelayError AGENT_FAILED where the answer is of another Belay, or of none */
function parsed<T>(
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
  value: unknown,
): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new BelayError('AGENT_FAILED', 'the server gives an answer that makes no sense here', {
    hint: 'Server and agent should be of the same version of Belay.',
  });
}
