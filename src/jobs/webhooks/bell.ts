/** Wakes loops that have nothing to do. A ring while they are at work is not lost: the next wait ends at once. */
export class Bell {
  #rung = 0;
  readonly #waiting = new Set<() => void>();

  /** To be asked before one looks for work, and given to `wait` afterwards. */
  get rung(): number {
    return this.#rung;
  }

  ring(): void {
    this.#rung += 1;
    for (const wake of this.#waiting) wake();
  }

  /** Resolves at the next ring since `seen`, or after a while. */
  wait(seen: number, forMs: number): Promise<void> {
    if (seen !== this.#rung) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, forMs);
      this.#waiting.add(wake);
    });
  }
}
