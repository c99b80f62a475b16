import type { Catalog, CatalogChannel } from '../catalog/catalog.js';

export interface WakeUp {
  /** Resolves when something was told since the last call, or after the time, or at an abort; never rejects. */
  next(waitMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

interface Sleeper {
  readonly id: string | undefined;
  told: boolean;
  wake: () => void;
}

/**
 * Wakes those who wait for what is told on a channel. They look anew each time, and after a while by themselves, so that a
 * message that was lost costs time and nothing else.
 */
export class WakeUps {
  readonly #catalog: Catalog;
  readonly #channel: CatalogChannel;
  readonly #sleepers = new Set<Sleeper>();
  #listening: Promise<() => Promise<void>> | undefined;

  constructor(catalog: Catalog, channel: CatalogChannel) {
    this.#catalog = catalog;
    this.#channel = channel;
  }

  /** @param id only what is told of this one; undefined: everything */
  async subscribe(id?: string): Promise<WakeUp> {
    const sleeper: Sleeper = { id, told: false, wake: () => {} };
    this.#sleepers.add(sleeper);
    await this.#listen();
    return {
      next: (waitMs, signal) => nextOf(sleeper, waitMs, signal),
      close: () => {
        this.#sleepers.delete(sleeper);
      },
    };
  }

  async close(): Promise<void> {
    const end = await this.#listening?.catch(() => undefined);
    await end?.();
  }

  async #listen(): Promise<void> {
    this.#listening ??= this.#catalog.listen(
      this.#channel,
      (payload) => this.#tell(payload),
      () => this.#tell(undefined),
    );
    try {
      await this.#listening;
    } catch {
      // The catalog is away: who waits looks by itself, and the next one tries again.
      this.#listening = undefined;
    }
  }

  #tell(payload: string | undefined): void {
    for (const sleeper of this.#sleepers) {
      if (payload !== undefined && sleeper.id !== undefined && sleeper.id !== payload) continue;
      sleeper.told = true;
      sleeper.wake();
    }
  }
}

function nextOf(sleeper: Sleeper, waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      sleeper.told = false;
      sleeper.wake = () => {};
      resolve();
    };
    const timer = setTimeout(done, waitMs);
    signal.addEventListener('abort', done);
    sleeper.wake = done;
    if (sleeper.told || signal.aborted) done();
  });
}
