import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { probeQuery } from './dataset.js';

const pauseMs = 5;
/** Without it a server that has died would make the comparison wait for ever. */
const patienceMs = 60_000;

/** The longest time between two neighbours of a rising series. */
export function longestGap(times: readonly number[]): number {
  return times.slice(1).reduce((gap, time, i) => Math.max(gap, time - (times[i] as number)), 0);
}

/** A client that queries in a loop and reconnects when it is cut off, as applications do. */
export class Prober {
  readonly #url: string;
  readonly #signal: AbortSignal;
  #successes: number[] = [];
  #stopped = false;
  #running: Promise<void> | undefined;
  #onSuccess: (() => void) | undefined;

  constructor(url: string, signal: AbortSignal) {
    this.#url = url;
    this.#signal = signal;
  }

  /** Starts, and comes back when the first query has succeeded. */
  async start(): Promise<void> {
    this.#running = this.#loop();
    await this.#nextSuccess();
  }

  /** Does something and gives the longest gap that the client saw from before it until after it. */
  async watch<T>(work: () => Promise<T>): Promise<{ result: T; outageMs: number }> {
    await this.#nextSuccess();
    this.#successes = this.#successes.slice(-1);
    const result = await work();
    // The gap ends with the first success after the work, which may still be to come.
    await this.#nextSuccess();
    return { result, outageMs: longestGap(this.#successes) };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #nextSuccess(): Promise<void> {
    const success = new Promise<void>((resolve) => {
      this.#onSuccess = resolve;
    });
    const giveUp = new AbortController();
    const patience = sleep(patienceMs, 'too late' as const, {
      signal: AbortSignal.any([this.#signal, giveUp.signal]),
    });
    try {
      if ((await Promise.race([success, patience])) === 'too late') {
        throw new Error(`the client had no answer for ${patienceMs / 1000} s`);
      }
    } finally {
      giveUp.abort();
      patience.catch(() => {});
    }
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      const client = new pg.Client({ connectionString: this.#url, application_name: 'client' });
      client.on('error', () => {});
      try {
        await client.connect();
        await this.#queryUntilCutOff(client);
      } catch {
        // Cut off, or the database is not there: that is what is measured. Try again.
        await sleep(pauseMs);
      } finally {
        await client.end().catch(() => {});
      }
    }
  }

  async #queryUntilCutOff(client: pg.Client): Promise<void> {
    while (!this.#stopped) {
      const { rows } = await client.query(probeQuery);
      // A database that is being filled answers, but not with the data: to the client it is down.
      if (rows.length !== 1) throw new Error('the row is not there');
      this.#successes.push(performance.now());
      const onSuccess = this.#onSuccess;
      this.#onSuccess = undefined;
      onSuccess?.();
      await sleep(pauseMs);
    }
  }
}
