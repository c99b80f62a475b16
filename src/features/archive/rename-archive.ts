import type { Store } from '../../store/store.js';
import type { Work } from '../target/work.js';
import type { Archive } from './archives.js';
import { refuseLocked } from './delete-archive.js';
import { commitManifest, recordSealed } from './seal.js';

/**
 * Gives an archive another tag: a new manifest under the new one, then the old one goes. Killed in between, both tags
 * mean the same archive.
 * @throws BelayError PROTECTED where it is locked, TAG_EXISTS
 */
export async function renameArchive(work: Work, archive: Archive, tag: string): Promise<void> {
  const store: Store = await work.target.openStore();
  await refuseLocked(store, archive);
  const { place, manifest: old } = archive;
  const { ledger: _, ...rest } = old;
  const manifest = { ...rest, snapshot: { ...old.snapshot, tag } };
  const order = { store, place, action: 'rename', lockUntil: null, signal: work.signal };
  const sealed = await commitManifest({ ...order, manifest });
  await recordSealed(order, sealed);
  await store.delete(archive.manifestKey);
}
