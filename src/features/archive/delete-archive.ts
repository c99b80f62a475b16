import { placePrefix, protectionKey } from '../../domain/archive-keys.js';
import { BelayError } from '../../errors.js';
import type { Store } from '../../store/store.js';
import type { Archive } from './archives.js';

/** Until when the store itself refuses to delete an archive; undefined: it doesn't. */
export async function lockedUntil(store: Store, archive: Archive): Promise<Date | undefined> {
  const { manifest, manifestKey } = archive;
  const locks = await Promise.all(
    [manifestKey, manifest.archive.key].map((key) => store.lockOf(key)),
  );
  const times = locks.flatMap((lock) => (lock ? [lock.until.getTime()] : []));
  return times.length === 0 ? undefined : new Date(Math.max(...times));
}

/** @throws BelayError PROTECTED */
export async function refuseLocked(store: Store, archive: Archive): Promise<void> {
  const until = await lockedUntil(store, archive);
  if (!until) return;
  const { tag } = archive.manifest.snapshot;
  throw new BelayError(
    'PROTECTED',
    `the archive of "${tag}" is locked in the store until ${until.toISOString()}`,
    { hint: 'Nobody can delete it before: that is what --lock-days is for.' },
  );
}

/**
 * Deletes an archive: its manifest first, and with it the archive no longer exists, whatever comes in between.
 * @throws BelayError PROTECTED where it is locked
 */
export async function deleteArchive(store: Store, archive: Archive): Promise<void> {
  await refuseLocked(store, archive);
  const { manifest, manifestKey, place } = archive;
  const { id } = manifest.snapshot;
  await store.delete(manifestKey);
  await store.delete(manifest.archive.key);
  await store.delete(protectionKey(place, id));
  for (const { key } of await store.list(`${placePrefix(place)}drills/${id}/`)) {
    await store.delete(key);
  }
}
