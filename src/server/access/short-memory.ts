interface Kept<T> {
  readonly value: T;
  /** By the monotonic clock. */
  readonly untilMs: number;
}

/**
 * Answers that are good for a moment, so that thousands of requests a second do not ask thousands of times. A question that is
 * being asked is not asked again beside it.
 */
export class ShortMemory<T> {
  readonly #kept = new Map<string, Kept<T>>();
  readonly #asked = new Map<string, Promise<T>>();
  #generation = 0;

  readonly #most: number;

  /** @param most how many answers are kept: beyond that, the oldest go */
  constructor(most: number) {
    this.#most = most;
  }

  /** What is known now. */
  peek(key: string): T | undefined {
    const kept = this.#kept.get(key);
    return kept !== undefined && kept.untilMs > performance.now() ? kept.value : undefined;
  }

  /** @param ask gives the value, and for how long it is good */
  async read(
    key: string,
    ask: () => Promise<{ readonly value: T; readonly goodForMs: number }>,
  ): Promise<T> {
    const known = this.peek(key);
    if (known !== undefined) return known;
    const asked = this.#asked.get(key);
    if (asked !== undefined) return asked;
    const asking = this.#ask(key, ask);
    this.#asked.set(key, asking);
    const forget = () => {
      if (this.#asked.get(key) === asking) this.#asked.delete(key);
    };
    asking.then(forget, forget);
    return asking;
  }

  /** Something has changed: also an answer that is on its way may be of before. */
  clear(): void {
    this.#generation += 1;
    this.#kept.clear();
    this.#asked.clear();
  }

  async #ask(
    key: string,
    ask: () => Promise<{ readonly value: T; readonly goodForMs: number }>,
  ): Promise<T> {
    const generation = this.#generation;
    // Counted from the question on: what happened while it was under way is not in the answer.
    const askedMs = performance.now();
    const { value, goodForMs } = await ask();
    if (generation === this.#generation) {
      const [oldest] = this.#kept.keys();
      if (this.#kept.size >= this.#most && oldest !== undefined) this.#kept.delete(oldest);
      this.#kept.delete(key);
      this.#kept.set(key, { value, untilMs: askedMs + goodForMs });
    }
    return value;
  }
}
