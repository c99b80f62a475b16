import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/**
 * An application that uses the database all the time: asks, pauses 5 ms, reconnects when its connection
 * was ended. Remembers the longest time without an answer.
 */
export class Prober {
  #url;
  #stopped = false;
  #client;
  #lastAnswer = performance.now();
  #longestGapMs = 0;
  #running;

  constructor(url) {
    this.#url = url;
    this.#running = this.#run();
  }

  /** The longest gap since the last call, in milliseconds. */
  takeGap() {
    const gap = this.#longestGapMs;
    this.#longestGapMs = 0;
    return gap;
  }

  async stop() {
    this.#stopped = true;
    await this.#running;
    await this.#client?.end().catch(() => {});
  }

  async #run() {
    while (!this.#stopped) {
      try {
        this.#client ??= await this.#connect();
        await this.#client.query('SELECT 1');
        this.#answered();
      } catch {
        // Ended, or renamed away at this moment: an application tries again.
        await this.#client?.end().catch(() => {});
        this.#client = undefined;
      }
      await sleep(5);
    }
  }

  async #connect() {
    const client = new pg.Client({ connectionString: this.#url, application_name: 'shop-web' });
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  #answered() {
    const now = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastAnswer);
    this.#lastAnswer = now;
  }
}
