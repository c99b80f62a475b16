import { resolveReference } from '../../domain/reference.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { BelayError, toBelayError } from '../../errors.js';
import type { Target } from '../target/open-target.js';
import { type Clone, type Timeline, toSnapshot } from '../target/timeline.js';
import {
  type Archive,
  type Archives,
  readArchives,
  toArchiveCopy,
  toArchivedSnapshot,
} from './archives.js';
import { archivePlace } from './place.js';

/** One snapshot with all its copies. At least one of the two is there. */
export interface Entry {
  readonly snapshot: Snapshot;
  readonly clone: Clone | null;
  readonly archive: Archive | null;
}

/** Clones on the server and archives in the store, as one timeline. */
export interface WholeTimeline {
  /** Newest first. */
  readonly entries: readonly Entry[];
  /** Archives of databases of the same name on other servers. */
  readonly others: readonly Archive[];
  readonly archives: Archives;
  /** Why the store could not be read; null: it was. */
  readonly storeProblem: BelayError | null;
}

const nothing: Archives = { own: [], others: [], broken: [], unsealed: [] };

/** What only lists must not wait for minutes where the store hangs: the clones are there without it. */
const storePatienceMs = 20_000;

export async function readWholeTimeline(
  target: Target,
  timeline: Timeline,
  signal?: AbortSignal,
): Promise<WholeTimeline> {
  const { archives, storeProblem } = await tryToReadArchives(target, signal);
  const byId = new Map(archives.own.map((archive) => [archive.manifest.snapshot.id, archive]));
  const withClone = timeline.clones.map((clone): Entry => {
    const archive = byId.get(clone.record.snapshot.id) ?? null;
    byId.delete(clone.record.snapshot.id);
    return { snapshot: merge(clone, archive), clone, archive };
  });
  const archivedOnly = [...byId.values()].map(
    (archive): Entry => ({ snapshot: toArchivedSnapshot(archive), clone: null, archive }),
  );
  return {
    entries: [...withClone, ...archivedOnly].sort((a, b) => newestFirst(a.snapshot, b.snapshot)),
    others: archives.others,
    archives,
    storeProblem,
  };
}

async function tryToReadArchives(
  target: Target,
  signal: AbortSignal | undefined,
): Promise<{ archives: Archives; storeProblem: BelayError | null }> {
  const limit = AbortSignal.timeout(storePatienceMs);
  try {
    const store = await target.openStore();
    const both = signal ? AbortSignal.any([signal, limit]) : limit;
    const archives = await readArchives(store, await archivePlace(target), both);
    return { archives, storeProblem: null };
  } catch (error) {
    if (signal?.aborted) throw error;
    const storeProblem = limit.aborted
      ? new BelayError(
          'STORE_UNAVAILABLE',
          `the store did not answer within ${storePatienceMs / 1000} s`,
          {
            cause: error,
          },
        )
      : toBelayError(error);
    if (storeProblem.kind === 'bug') throw error;
    return { archives: nothing, storeProblem };
  }
}

function merge(clone: Clone, archive: Archive | null): Snapshot {
  const snapshot = toSnapshot(clone);
  if (!archive) return snapshot;
  const until = [snapshot.protectedUntil, toArchivedSnapshot(archive).protectedUntil];
  return {
    ...snapshot,
    copies: [...snapshot.copies, toArchiveCopy(archive)],
    protectedUntil:
      until
        .filter((time) => time !== null)
        .sort()
        .at(-1) ?? null,
  };
}

function newestFirst(a: Snapshot, b: Snapshot): number {
  return b.createdAt.localeCompare(a.createdAt) || b.id.localeCompare(a.id);
}

/**
 * The snapshot that a reference means: among the target's own, and a tag or an id also among archives of databases of the
 * same name on other servers, which is what is left when a server is lost.
 * @throws BelayError SNAPSHOT_NOT_FOUND, AMBIGUOUS_REFERENCE, BAD_REFERENCE; the store's error where only it could tell
 */
export function findEntry(whole: WholeTimeline, reference: string): Entry {
  const bySnapshot = new Map(whole.entries.map((entry) => [entry.snapshot, entry]));
  try {
    return bySnapshot.get(resolveReference(reference, [...bySnapshot.keys()])) as Entry;
  } catch (error) {
    const isUnknown = error instanceof BelayError && error.code === 'SNAPSHOT_NOT_FOUND';
    if (!isUnknown) throw error;
    const broken = whole.archives.broken.find(({ tag }) => tag === reference);
    if (broken) throw brokenManifest(broken.key, broken.why);
    const other = findElsewhere(whole.others, reference);
    if (other) return { snapshot: toArchivedSnapshot(other), clone: null, archive: other };
    if (whole.storeProblem) throw whole.storeProblem;
    throw error;
  }
}

/**
 * The same, for what changes or deletes a snapshot: those of other servers are theirs to delete.
 * @throws BelayError SNAPSHOT_NOT_FOUND
 */
export function findOwnEntry(whole: WholeTimeline, reference: string): Entry {
  const entry = findEntry(whole, reference);
  if (whole.entries.includes(entry)) return entry;
  const { server } = entry.snapshot.target;
  throw new BelayError('SNAPSHOT_NOT_FOUND', `"${reference}" is an archive of ${server}`, {
    hint: 'Point Belay at that server to change it; here it can only be read and restored.',
  });
}

/**
 * Behind a manifest that cannot be read there may be a good archive, which another one of the same snapshot would replace.
 * @throws BelayError SEAL_BROKEN
 */
export function refuseBrokenManifest({ broken }: Archives, tag: string): void {
  const found = broken.find((one) => one.tag === tag);
  if (found) throw brokenManifest(found.key, found.why);
}

function brokenManifest(key: string, why: string): BelayError {
  return new BelayError('SEAL_BROKEN', `the manifest ${key} is not what was sealed: ${why}`, {
    hint: 'Somebody has changed it in the store. Where the bucket keeps versions, bring back the one before; `belay ledger verify` tells what it was.',
  });
}

function findElsewhere(others: readonly Archive[], reference: string): Archive | undefined {
  if (reference === 'latest' || /^[~@]/.test(reference)) return undefined;
  const found = others.filter(
    ({ manifest: { snapshot } }) =>
      snapshot.tag === reference ||
      snapshot.id === reference ||
      (reference.length >= 4 && snapshot.id.startsWith(reference)),
  );
  if (found.length <= 1) return found[0];
  const listed = found.map(
    ({ manifest: { snapshot } }) => `${snapshot.id} (${snapshot.target.server})`,
  );
  throw new BelayError(
    'AMBIGUOUS_REFERENCE',
    `several servers have an archive "${reference}": ${listed.join(', ')}`,
    { hint: 'Give the id.' },
  );
}
