import {
  type ArchivePlace,
  databasePrefix,
  parseKey,
  placePrefix,
} from '../../domain/archive-keys.js';
import { type ArchiveManifest, parseManifest } from '../../domain/manifest.js';
import type { ArchiveCopy, DrillState, Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import type { Store, StoredObject } from '../../store/store.js';

/** An archive that exists: it has a manifest. */
export interface Archive {
  readonly place: ArchivePlace;
  readonly manifest: ArchiveManifest;
  readonly manifestKey: string;
  /** Of the bytes of the manifest. */
  readonly manifestBytes: Uint8Array;
  /** When the manifest came into the store, by the store's own clock. */
  readonly storedAt: Date;
  /** The newest drill, the one at the seal included. */
  readonly drill: DrillState;
  /** Until when Belay refuses to delete it; locks of the store itself come on top. */
  readonly protectedUntil: string | null;
  /** Path of the file or "s3://bucket/key". */
  readonly location: string;
  /** What is wrong with it as far as a listing shows; null: nothing. */
  readonly problem: string | null;
}

/** A manifest that cannot be read: there may be a good archive behind it. */
export interface BrokenManifest {
  readonly key: string;
  readonly tag: string;
  readonly why: string;
}

export interface Archives {
  /** Of the target's own place, newest first. */
  readonly own: readonly Archive[];
  /** Of databases of the same name on other servers, newest first. */
  readonly others: readonly Archive[];
  readonly broken: readonly BrokenManifest[];
  /**
   * Archives without a manifest: still being made, or left by a run that was killed. None where a manifest cannot be read:
   * any of them may be the one that it seals.
   */
  readonly unsealed: readonly StoredObject[];
}

const parallelReads = 8;

/** Reads all archives of a database name: one listing, and one small object for each. */
export async function readArchives(
  store: Store,
  place: ArchivePlace,
  signal?: AbortSignal,
): Promise<Archives> {
  const objects = await store.list(databasePrefix(place.database), { signal });
  const known = objects.map((object) => ({ object, means: parseKey(object.key) }));
  const listing = indexOf(objects);
  const manifests = known.filter(({ means }) => means?.kind === 'manifest');
  const read = await inParallel(manifests, parallelReads, ({ object }) =>
    readManifest(store, object, listing, signal),
  );
  const archives = read.filter((one): one is Archive => 'manifest' in one).sort(newestFirst);
  const isOwn = (archive: Archive) =>
    archive.manifestKey.startsWith(`${placePrefix(place)}manifests/`);
  const broken = read.filter((one): one is BrokenManifest => 'why' in one);
  const sealed = new Set(archives.map(({ manifest }) => manifest.archive.key));
  const unclear = broken.map(({ key }) => key.replace(/manifests\/[^/]*$/, 'archives/'));
  const isUnsealed = (key: string) =>
    !sealed.has(key) && !unclear.some((prefix) => key.startsWith(prefix));
  return {
    own: archives.filter(isOwn),
    others: archives.filter((archive) => !isOwn(archive)),
    broken,
    unsealed: known
      .filter(({ means, object }) => means?.kind === 'archive' && isUnsealed(object.key))
      .map(({ object }) => object),
  };
}

/** Each manifest asks for the objects beside it: with a thousand of them, searching the whole list each time took a second. */
interface Listing {
  readonly byKey: ReadonlyMap<string, StoredObject>;
  /** By the key up to its last "/". */
  readonly inFolder: ReadonlyMap<string, readonly StoredObject[]>;
}

function indexOf(objects: readonly StoredObject[]): Listing {
  const inFolder = new Map<string, StoredObject[]>();
  for (const object of objects) {
    const folder = object.key.slice(0, object.key.lastIndexOf('/'));
    const there = inFolder.get(folder);
    if (there) there.push(object);
    else inFolder.set(folder, [object]);
  }
  return { byKey: new Map(objects.map((object) => [object.key, object])), inFolder };
}

async function readManifest(
  store: Store,
  object: StoredObject,
  listing: Listing,
  signal?: AbortSignal,
): Promise<Archive | BrokenManifest> {
  const means = parseKey(object.key);
  if (means?.kind !== 'manifest') throw new BelayError('BUG', `${object.key} is no manifest`);
  const broken = (why: string) => ({ key: object.key, tag: means.tag, why });
  const bytes = await store.read(object.key, { signal });
  if (!bytes) return broken('it was deleted while it was read');
  const parsed = parseManifest(bytes);
  if (parsed.type === 'newer') return broken('it was written by a newer Belay: upgrade this one');
  if (parsed.type === 'broken') return broken(parsed.why);
  const { manifest } = parsed;
  if (manifest.snapshot.tag !== means.tag) {
    return broken(`it is the manifest of "${manifest.snapshot.tag}"`);
  }
  const { id } = manifest.snapshot;
  const prefix = placePrefix(means.place);
  return {
    place: means.place,
    manifest,
    manifestKey: object.key,
    manifestBytes: bytes,
    storedAt: object.modifiedAt,
    drill: newestDrill(manifest, prefix, listing),
    protectedUntil: await readProtection(store, `${prefix}protected/${id}.json`, listing, signal),
    location: locationOf(store, manifest.archive.key),
    problem: problemOf(manifest, listing),
  };
}

/** Path of an object's file, or its "s3://" address. */
export function locationOf(store: Store, key: string): string {
  return `${store.location.replace(/[/\\]$/, '')}/${key}`;
}

function newestDrill(manifest: ArchiveManifest, prefix: string, { inFolder }: Listing): DrillState {
  const later = [...(inFolder.get(`${prefix}drills/${manifest.snapshot.id}`) ?? [])].sort(
    (a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime() || (a.key < b.key ? 1 : -1),
  )[0];
  const means = later && parseKey(later.key);
  if (later && means?.kind === 'drill') {
    return { status: means.status, at: later.modifiedAt.toISOString() };
  }
  return { status: manifest.drill.status, at: manifest.drill.at };
}

async function readProtection(
  store: Store,
  key: string,
  { byKey }: Listing,
  signal?: AbortSignal,
): Promise<string | null> {
  if (!byKey.has(key)) return null;
  const bytes = await store.read(key, { signal });
  try {
    const { protectedUntil } = JSON.parse(Buffer.from(bytes ?? []).toString('utf8'));
    return typeof protectedUntil === 'string' ? protectedUntil : null;
  } catch {
    return null;
  }
}

function problemOf({ archive }: ArchiveManifest, { byKey }: Listing): string | null {
  const file = byKey.get(archive.key);
  if (!file) return 'its file is missing from the store';
  return file.sizeBytes === archive.sizeBytes
    ? null
    : `its file has ${file.sizeBytes} bytes instead of ${archive.sizeBytes}`;
}

function newestFirst(a: Archive, b: Archive): number {
  const [left, right] = [a.manifest.snapshot, b.manifest.snapshot];
  return right.createdAt.localeCompare(left.createdAt) || right.id.localeCompare(left.id);
}

/** The copy that `snapshot.copies` shows. */
export function toArchiveCopy({ manifest, location, drill }: Archive): ArchiveCopy {
  const { sizeBytes, sha256, encryption } = manifest.archive;
  const { partial } = manifest;
  return {
    type: 'archive',
    ...{ location, sizeBytes, sha256, encrypted: encryption !== null, drill },
    ...(partial ? { dataOf: partial.dataOf } : {}),
  };
}

/** The snapshot of an archive that has no clone beside it. */
export function toArchivedSnapshot(archive: Archive): Snapshot {
  return {
    ...archive.manifest.snapshot,
    protectedUntil: archive.protectedUntil ?? archive.manifest.snapshot.protectedUntil,
    copies: [toArchiveCopy(archive)],
  };
}

async function inParallel<T, R>(
  items: readonly T[],
  parallel: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as T);
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
  return results;
}
