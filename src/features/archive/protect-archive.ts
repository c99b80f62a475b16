import { protectionKey } from '../../domain/archive-keys.js';
import type { Store } from '../../store/store.js';
import type { Archive } from './archives.js';

/**
 * Has Belay refuse to delete an archive, for everybody who uses the store, until a time; null: no longer. In a folder its
 * files also become read-only. It binds Belay only: who may delete objects of the store can delete this one. `--lock-days` binds everybody.
 */
export async function protectArchive(
  store: Store,
  { place, manifest, manifestKey }: Archive,
  protectedUntil: string | null,
): Promise<void> {
  for (const file of [manifestKey, manifest.archive.key]) {
    await store.setReadOnly?.(file, protectedUntil !== null);
  }
  const key = protectionKey(place, manifest.snapshot.id);
  if (protectedUntil === null) return store.delete(key);
  await store.write(key, Buffer.from(`${JSON.stringify({ belay: 1, protectedUntil })}\n`));
}
