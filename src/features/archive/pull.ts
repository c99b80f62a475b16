import { validateTag } from '../../domain/tag.js';
import type { Target } from '../target/open-target.js';
import type { Clone } from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { readArchives, toArchivedSnapshot } from './archives.js';
import { copyArchive } from './copy-archive.js';
import { archivePlace } from './place.js';
import { type MovedArchive, moved, withStoreAt } from './push.js';
import { tagExists } from './seal.js';
import { findEntry, refuseBrokenManifest } from './whole-timeline.js';

export interface PullOptions extends WorkOptions {
  readonly reference: string;
  /** Store that has the archive; default: the target's own, e.g. for one of another server. */
  readonly from?: string | undefined;
  /** Name of the database that it is an archive of; default: the target's. */
  readonly database?: string | undefined;
  /** Its tag here; default: the one that it has. */
  readonly tag?: string | undefined;
}

/**
 * Takes an archive of another store, or of another server, into the target's own timeline. `restoreSnapshot` then
 * restores it as any other.
 *
 * @example
 * await pullSnapshot(target, { reference: 'baseline', from: 's3://team/belay' });
 * await restoreSnapshot(target, { reference: 'baseline' });
 * @throws BelayError SNAPSHOT_NOT_FOUND, TAG_EXISTS, SEAL_BROKEN
 */
export async function pullSnapshot(target: Target, options: PullOptions): Promise<MovedArchive> {
  if (options.tag !== undefined) validateTag(options.tag);
  return underLock(target, options, (work) =>
    withStoreAt(target, options.from, async (from) => {
      const place = await archivePlace(target);
      const there = { ...place, database: options.database ?? target.database };
      const archives = await readArchives(from, there, work.signal);
      const { archive } = findEntry(
        {
          entries: [...archives.own, ...archives.others].sort(newestFirst).map((one) => ({
            ...{ snapshot: toArchivedSnapshot(one), clone: null, archive: one },
          })),
          ...{ others: [], archives, storeProblem: null },
        },
        options.reference,
      );
      const to = await target.openStore();
      const id = archive?.manifest.snapshot.id ?? '';
      const local = await readArchives(to, place, work.signal);
      const here = local.own.find(({ manifest }) => manifest.snapshot.id === id);
      if (here)
        return { ok: true, snapshot: toArchivedSnapshot(here), store: to.location, copied: false };
      if (archive) {
        const tag = options.tag ?? archive.manifest.snapshot.tag;
        refuseBrokenManifest(local, tag);
        refuseClonesTag(work, id, tag);
        const order = { from, archive, to, place, tag };
        await copyArchive(work, { ...order, action: 'pull', lockUntil: null });
      }
      return moved(work, to, id);
    }),
  );
}

/** Another snapshot's clone may have the tag: one timeline must not have it twice. */
function refuseClonesTag({ target, timeline }: Work, id: string, tag: string): void {
  const isOther = ({ record: { snapshot } }: Clone) => snapshot.tag === tag && snapshot.id !== id;
  if (timeline.clones.some(isOther)) throw tagExists(target.database, tag);
}

type Stored = Awaited<ReturnType<typeof readArchives>>['own'][number];

const newestFirst = (a: Stored, b: Stored): number =>
  b.manifest.snapshot.createdAt.localeCompare(a.manifest.snapshot.createdAt);
