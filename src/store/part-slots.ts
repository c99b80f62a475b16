import { partsInFlight } from './s3-part-size.js';

/** Bounds how many parts are in memory: those on their way, and the one that is being filled. */
export class PartSlots {
  #taken = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** @returns what gives it back */
  async take(sizeBytes: number): Promise<() => void> {
    // One reader only: there is at most one waiting.
    while (!this.#failure && this.#taken > partsInFlight(sizeBytes)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure) throw this.#failure.error;
    this.#taken += 1;
    return () => {
      this.#taken -= 1;
      this.#wake?.();
    };
  }

  /** Whoever waits for a slot gets this instead. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }
}
