/** What was opened, closed in the opposite order, each whatever becomes of the others. */
export class Closers {
  readonly #all: (() => Promise<unknown>)[] = [];

  add(close: () => Promise<unknown> | unknown): void {
    this.#all.push(async () => close());
  }

  /** @throws the first failure, when everything was tried */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#all.splice(0).reverse()) {
      await close().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
}
