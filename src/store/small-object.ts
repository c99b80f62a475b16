import { BelayError } from '../errors.js';
import type { StoredObject } from './store.js';

const maxReadBytes = 64 * 1024 * 1024;

/** `read` holds an object in memory; what is read that way are manifests. */
export function refuseLarge({ key, sizeBytes }: Pick<StoredObject, 'key' | 'sizeBytes'>): void {
  if (sizeBytes <= maxReadBytes) return;
  throw new BelayError(
    'STORE_MISCONFIGURED',
    `${key} has ${sizeBytes} bytes: Belay did not write it`,
    {
      hint: 'Look at what else is written below this location; a store needs a place of its own.',
      details: { key, sizeBytes },
    },
  );
}

export function missingObject(location: string, key: string): BelayError {
  return new BelayError('STORE_OBJECT_MISSING', `${key} is not in the store ${location}`, {
    hint: 'It was deleted, or this is another store. `belay list` shows what is there.',
    details: { key, location },
  });
}
