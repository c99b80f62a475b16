import { type ArchivePlace, manifestKey } from '../../domain/archive-keys.js';
import { type LedgerHead, type NewLedgerEntry, sha256Of } from '../../domain/ledger.js';
import { type ArchiveManifest, encodeManifest } from '../../domain/manifest.js';
import { BelayError, toBelayError } from '../../errors.js';
import type { Store } from '../../store/store.js';
import { appendToLedger } from '../ledger/append.js';
import { readLedgerHead } from '../ledger/head.js';

export interface SealOrder {
  readonly store: Store;
  readonly place: ArchivePlace;
  readonly manifest: Omit<ArchiveManifest, 'ledger'>;
  /** What the ledger calls it. */
  readonly action: NewLedgerEntry['action'];
  /** Nobody can delete it before; null: no lock. */
  readonly lockUntil: Date | null;
  readonly signal?: AbortSignal | undefined;
}

export interface Sealed {
  readonly manifest: ArchiveManifest;
  readonly manifestKey: string;
  /** SHA-256 of the bytes of the manifest. */
  readonly manifestSha256: string;
}

/**
 * Writes the manifest, and with it the archive exists. Of any number of runs with one tag exactly one succeeds.
 * @throws BelayError TAG_EXISTS, STORE_OBJECT_MISSING; any other error of which `mayBeSealed` is true may have come too late
 */
export async function commitManifest(order: SealOrder): Promise<Sealed> {
  const { store, place, signal } = order;
  const { tag } = order.manifest.snapshot;
  await checkFileIsThere(order);
  const ledger = await readLedgerHead(store, { signal });
  const manifest: ArchiveManifest = { ...order.manifest, ledger };
  const bytes = encodeManifest(manifest);
  const key = manifestKey(place, tag);
  // No signal: a request that is dropped midway may still be done.
  const created = await store.create(key, bytes).catch((error) => {
    throw unfinished(error, `whether "${tag}" is sealed is not known`);
  });
  if (created === 'exists') throw tagExists(place.database, tag);
  return { manifest, manifestKey: key, manifestSha256: sha256Of(bytes) };
}

type RecordOrder = Pick<SealOrder, 'store' | 'lockUntil' | 'action'>;

/**
 * What follows once the archive exists: the lock and the entry in the ledger. No signal: an archive that exists must
 * be in the ledger.
 * @throws BelayError where one of the two fails; the archive exists all the same
 */
export async function recordSealed(order: RecordOrder, sealed: Sealed): Promise<LedgerHead> {
  try {
    return await lockAndRecord(order, sealed);
  } catch (error) {
    const { tag } = sealed.manifest.snapshot;
    throw unfinished(error, `"${tag}" is sealed, but not locked or not in the ledger`);
  }
}

const mark = 'mayBeSealed';

function unfinished(thrown: unknown, state: string): BelayError {
  const { code, message, hint, details, cause } = toBelayError(thrown);
  return new BelayError(code, `${state}: ${message}`, {
    hint: `${hint ?? ''} The next checkpoint or \`belay repair\` finishes or removes it.`.trim(),
    details: { ...details, [mark]: true },
    cause,
  });
}

/** Whether the archive may exist although the work on it failed. */
export function mayBeSealed(error: unknown): boolean {
  return error instanceof BelayError && mark in error.details;
}

async function lockAndRecord(
  { store, lockUntil, action }: RecordOrder,
  { manifest, manifestKey: key, manifestSha256 }: Sealed,
): Promise<LedgerHead> {
  const { snapshot, archive, drill, partial } = manifest;
  if (lockUntil) {
    await store.lock(archive.key, lockUntil);
    await store.lock(key, lockUntil);
  }
  return appendToLedger(store, {
    action,
    target: snapshot.target,
    snapshot: { id: snapshot.id, tag: snapshot.tag },
    outcome: drill.status === 'failed' ? 'failed' : 'done',
    rows: snapshot.fingerprint?.rows ?? null,
    details: {
      ...{ manifestSha256, archiveSha256: archive.sha256, sizeBytes: archive.sizeBytes },
      ...{ drill: drill.status, rowCounts: snapshot.fingerprint?.rowCounts ?? {} },
      ...(partial ? { dataOf: partial.dataOf } : {}),
      ...(lockUntil ? { lockedUntil: lockUntil.toISOString() } : {}),
    },
  });
}

/** Somebody may have taken it for a leftover while it was drilled for hours. */
async function checkFileIsThere({ store, manifest, signal }: SealOrder): Promise<void> {
  const { key, sizeBytes } = manifest.archive;
  const file = await store.stat(key, { signal });
  if (file?.sizeBytes === sizeBytes) return;
  throw new BelayError(
    'STORE_OBJECT_MISSING',
    `${key} is ${file ? `${file.sizeBytes} bytes long instead of ${sizeBytes}` : 'no longer'} in ${store.location}`,
    {
      hint: 'Nothing was sealed. Something else deletes or changes objects there: find it, and run this again.',
    },
  );
}

/**
 * Found out before anything is copied or dumped. Only `commitManifest` is certain.
 * @throws BelayError TAG_EXISTS
 */
export async function refuseTakenTag(
  store: Store,
  place: ArchivePlace,
  tag: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (await store.stat(manifestKey(place, tag), { signal })) throw tagExists(place.database, tag);
}

export function tagExists(database: string, tag: string): BelayError {
  return new BelayError('TAG_EXISTS', `"${database}" already has a snapshot tagged "${tag}"`, {
    hint: 'Choose another tag, or `belay rename` or `belay delete` the old one.',
  });
}
