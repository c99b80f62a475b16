import { findStoreLocation } from '../../config/store-location.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import { openStore } from '../../store/open-store.js';
import type { Store } from '../../store/store.js';
import type { Target } from '../target/open-target.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { archiveClone } from './archive-clone.js';
import { type ArchiveOptions, checkArchiveOptions, prepareToArchive } from './archive-options.js';
import { readArchives, toArchivedSnapshot } from './archives.js';
import { copyArchive } from './copy-archive.js';
import { archivePlace } from './place.js';
import { findEntry, readWholeTimeline, refuseBrokenManifest } from './whole-timeline.js';

export interface PushOptions extends WorkOptions, ArchiveOptions {
  readonly reference: string;
  /** Another store: a folder or "s3://bucket/prefix"; default: the target's own. */
  readonly to?: string | undefined;
}

export interface MovedArchive {
  readonly ok: true;
  readonly snapshot: Snapshot;
  /** Of the store that has the archive now. */
  readonly store: string;
  /** False where it was there already. */
  readonly copied: boolean;
}

/**
 * Puts a snapshot into a store for others: its archive is copied, or made from its clone.
 *
 * @example
 * await pushSnapshot(target, { reference: 'baseline', to: 's3://team/belay' });
 * @throws BelayError SNAPSHOT_NOT_FOUND, TAG_EXISTS, and what archiving throws
 */
export async function pushSnapshot(target: Target, options: PushOptions): Promise<MovedArchive> {
  const settings = await checkArchiveOptions(options, false);
  return underLock(target, options, (work) =>
    withStoreAt(target, options.to, async (store) => {
      const whole = await readWholeTimeline(target, work.timeline, work.signal);
      const { clone, archive, snapshot } = findEntry(whole, options.reference);
      const place = await archivePlace(target);
      const archives = await readArchives(store, place, work.signal);
      const there = archives.own.find(({ manifest }) => manifest.snapshot.id === snapshot.id);
      if (there)
        return {
          ok: true,
          snapshot: toArchivedSnapshot(there),
          store: store.location,
          copied: false,
        };
      refuseBrokenManifest(archives, snapshot.tag);
      const { lockUntil } = settings;
      if (archive) {
        const from = await target.openStore();
        await copyArchive(work, { from, archive, to: store, place, action: 'push', lockUntil });
      } else if (clone) {
        const { tools } = await prepareToArchive(target, store, settings, work.signal);
        await archiveClone(work, clone, { store, tools, settings, action: 'push' });
      }
      return moved(work, store, snapshot.id);
    }),
  );
}

/** The store that is named, closed afterwards, or the target's own. */
export async function withStoreAt<T>(
  target: Target,
  location: string | undefined,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  if (location === undefined) return work(await target.openStore());
  const { cwd, env } = target;
  const store = await openStore(await findStoreLocation({ store: location, cwd, env }), { env });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

export async function moved(work: Work, store: Store, id: string): Promise<MovedArchive> {
  const { own } = await readArchives(store, await archivePlace(work.target), work.signal);
  const archive = own.find(({ manifest }) => manifest.snapshot.id === id);
  if (archive) {
    return { ok: true, snapshot: toArchivedSnapshot(archive), store: store.location, copied: true };
  }
  throw new BelayError('STORE_OBJECT_MISSING', `the archive ${id} is not in ${store.location}`, {
    hint: 'It was written and is gone. Something else deletes objects there.',
  });
}
