import type { Store, StoreCallOptions } from '../../store/store.js';

const parallelReads = 16;

/** Reads small objects, some at a time, and gives them in their order; undefined: deleted meanwhile. */
export async function* readObjects<T>(
  store: Store,
  items: readonly T[],
  keyOf: (item: T) => string,
  options: StoreCallOptions,
): AsyncGenerator<readonly [T, Uint8Array | undefined]> {
  for (let from = 0; from < items.length; from += parallelReads) {
    const batch = items.slice(from, from + parallelReads);
    yield* await Promise.all(
      batch.map(async (item) => [item, await store.read(keyOf(item), options)] as const),
    );
  }
}
