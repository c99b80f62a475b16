/** More at once would only take each other's places on the server. */
const width = 8;

/** Lets a bounded number of moves go on at once, in the order in which they came. */
export class MoveQueue {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= width) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
