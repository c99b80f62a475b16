import { randomUUID } from 'node:crypto';
import { BelayError } from '../errors.js';
import type { Store, StoreCallOptions } from './store.js';

/** In every store that Belay has written to. */
export const markerKey = 'belay-store.json';

const marker = () => Buffer.from(`${JSON.stringify({ belay: 1, store: randomUUID() })}\n`);

/**
 * Creates an object that can be created only once. A store that says "created" twice would let two runs of Belay
 * both believe that they have taken the same tag.
 */
export async function proveCreation(
  store: Pick<Store, 'create' | 'location'>,
  options: StoreCallOptions | undefined,
): Promise<void> {
  if ((await store.create(markerKey, marker(), options)) === 'exists') return;
  if ((await store.create(markerKey, marker(), options)) === 'exists') return;
  throw new BelayError(
    'STORE_MISCONFIGURED',
    `the store ${store.location} lets one object be created twice: it ignores "If-None-Match: *"`,
    {
      hint: 'Belay needs conditional creation. Use a newer server, or (some have it only there) a bucket without versioning.',
      details: { location: store.location },
    },
  );
}
