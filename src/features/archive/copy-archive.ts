import { type ArchivePlace, archiveKey } from '../../domain/archive-keys.js';
import { reportStep } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import type { Store } from '../../store/store.js';
import type { Work } from '../target/work.js';
import type { Archive } from './archives.js';
import { refuseBroken } from './fetch.js';
import { openStored } from './open-plain.js';
import { withRunMark } from './run-mark.js';
import {
  commitManifest,
  recordSealed,
  refuseTakenTag,
  type Sealed,
  type SealOrder,
} from './seal.js';

export interface CopyArchiveOrder {
  readonly from: Store;
  readonly archive: Archive;
  readonly to: Store;
  readonly place: ArchivePlace;
  /** Default: the tag that it has. */
  readonly tag?: string | undefined;
  readonly action: SealOrder['action'];
  readonly lockUntil: Date | null;
}

/**
 * Copies an archive between stores, or between the places of two servers in one. The bytes are compared with the seal on
 * the way; what was encrypted stays so, and needs no key.
 * @throws BelayError TAG_EXISTS, SEAL_BROKEN
 */
export async function copyArchive(work: Work, order: CopyArchiveOrder): Promise<Sealed> {
  const { from, to, archive, place, action, lockUntil } = order;
  const { signal } = work;
  refuseBroken(archive);
  const { ledger: _, ...old } = archive.manifest;
  const { id, tag: oldTag } = old.snapshot;
  const tag = order.tag ?? oldTag;
  await to.prepare({ signal });
  await refuseTakenTag(to, place, tag, signal);
  const run = { store: to, place, id, main: work.main, action, lockUntil, signal };
  return withRunMark(run, async () => {
    const key = archiveKey(place, id, old.archive.encryption !== null);
    const source = await openStored(from, old.archive, signal);
    const step = { name: 'copy archive', detail: tag, sizeBytes: old.archive.sizeBytes };
    const stored = await reportStep(work.reporter, step, () =>
      to.putStream(key, source, { expectedBytes: old.archive.sizeBytes, signal }),
    );
    if (stored.sha256 !== old.archive.sha256) {
      throw new BelayError('BUG', `${key} was copied and has another SHA-256`);
    }
    const manifest = {
      ...old,
      // A lock is the store's: this one does not know of the other's.
      snapshot: { ...old.snapshot, tag, protectedUntil: lockUntil?.toISOString() ?? null },
      archive: { ...old.archive, key },
    };
    const seal = { store: to, place, manifest, action, lockUntil, signal };
    const sealed = await commitManifest(seal);
    await recordSealed(seal, sealed);
    return sealed;
  });
}
