import type { JobEvent } from '../../contract/job.js';
import { BelayError } from '../../errors.js';

type Event = JobEvent['event'];

export interface EventBufferOptions {
  readonly send: (events: readonly Event[]) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** Progress is watched by people: a fifth of a second late is in time, and many events are one statement. */
const delayMs = 200;
const retryMs = 1_000;
const mostAtOnce = 200;
/** While the catalog is away. Then the oldest go: what happens now matters more. */
const mostKept = 2_000;

/** Whether what was sent is wrong in itself, so that it will never be taken. */
export function isRefusal(error: unknown): error is BelayError {
  return error instanceof BelayError && error.kind === 'user';
}

/** Collects a job's events and sends them in order, a batch at a time. */
export class EventBuffer {
  readonly #options: EventBufferOptions;
  #kept: Event[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #closed = false;

  constructor(options: EventBufferOptions) {
    this.#options = options;
  }

  add(event: Event): void {
    if (this.#closed) return;
    this.#kept.push(event);
    if (this.#kept.length > mostKept) this.#kept.shift();
    this.#schedule(delayMs);
  }

  /** Sends what is left. @throws what sending throws; then it is all still there */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#sending?.catch(() => {});
    while (this.#kept.length > 0) {
      this.#sending ??= this.#sendBatch().finally(() => {
        this.#sending = undefined;
      });
      await this.#sending;
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#kept.slice(0, mostAtOnce);
    try {
      await this.#options.send(batch);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#options.onError(error);
    }
    const sent = new Set(batch);
    this.#kept = this.#kept.filter((event) => !sent.has(event));
  }

  #schedule(afterMs: number): void {
    if (this.#timer || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.flush().catch((error: unknown) => {
        this.#options.onError(error);
        if (this.#kept.length > 0) this.#schedule(retryMs);
      });
    }, afterMs);
  }
}
