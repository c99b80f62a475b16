import { type ArchivePlace, parseKey, placePrefix } from '../../domain/archive-keys.js';
import { sha256Of } from '../../domain/ledger.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import type { Store } from '../../store/store.js';
import { readLedger } from '../ledger/read.js';
import type { Archive, Archives } from './archives.js';
import { isOlder, overChecker, readMark } from './run-mark.js';
import { recordSealed } from './seal.js';

export interface StoreLeftover {
  readonly kind: 'unsealed' | 'unfinished-upload' | 'run-mark' | 'not-recorded';
  readonly key: string;
  readonly detail: string;
}

/** Everything but an archive is written in an instant; and whose file is taken away so late fails, and harms nothing. */
const smallPatienceMs = 10 * 60 * 1000;

interface Cleaning {
  readonly store: Store;
  readonly prefix: string;
  readonly archives: Pick<Archives, 'own' | 'unsealed'>;
  readonly signal: AbortSignal | undefined;
  isOver(key: string, since: Date): Promise<boolean>;
}

/**
 * Removes archives that were never sealed and uploads that were never finished, and makes up for what is missing of
 * sealed ones, as far as whoever began them is certainly gone. The caller holds the target's lock.
 */
export async function cleanStore(
  store: Store,
  place: ArchivePlace,
  main: Session,
  archives: Pick<Archives, 'own' | 'unsealed'>,
  signal?: AbortSignal,
): Promise<StoreLeftover[]> {
  const isOver = await overChecker(store, place, main);
  const cleaning = { store, prefix: placePrefix(place), archives, signal, isOver };
  const uploads = await cleanUploads(cleaning);
  const unsealed = await cleanUnsealed(cleaning);
  // Last: a mark is what the others go by.
  return [...uploads, ...unsealed, ...(await cleanMarks(cleaning))];
}

async function cleanUploads({ store, prefix, signal, isOver }: Cleaning): Promise<StoreLeftover[]> {
  const cleaned: StoreLeftover[] = [];
  for (const upload of await store.listUnfinished('', { signal })) {
    const { key, startedAt } = upload;
    const isArchive = parseKey(key)?.kind === 'archive';
    if (isArchive && !key.startsWith(prefix)) continue;
    const isLeft = isArchive ? await isOver(key, startedAt) : isOlder(startedAt, smallPatienceMs);
    if (!isLeft || !(await isAllowed(store.abortUnfinished(upload, { signal })))) continue;
    cleaned.push({ kind: 'unfinished-upload', key, detail: 'an upload that was interrupted' });
  }
  return cleaned;
}

async function cleanUnsealed(cleaning: Cleaning): Promise<StoreLeftover[]> {
  const { store, prefix, archives, signal, isOver } = cleaning;
  const cleaned: StoreLeftover[] = [];
  for (const { key, modifiedAt } of archives.unsealed) {
    if (!key.startsWith(prefix) || !(await isOver(key, modifiedAt))) continue;
    if (!(await isAllowed(store.delete(key, { signal })))) continue;
    cleaned.push({ kind: 'unsealed', key, detail: 'an archive that was never sealed' });
  }
  return cleaned;
}

async function cleanMarks(cleaning: Cleaning): Promise<StoreLeftover[]> {
  const { store, prefix, signal, isOver } = cleaning;
  const cleaned: StoreLeftover[] = [];
  for (const { key, modifiedAt } of await store.list(`${prefix}runs/`, { signal })) {
    if (!(await isOver(key, modifiedAt))) continue;
    const recorded = await recordWhatIsMissing(cleaning, key);
    if (recorded) cleaned.push(recorded);
    if (!(await isAllowed(store.delete(key, { signal })))) continue;
    cleaned.push({ kind: 'run-mark', key, detail: 'the mark of a run that was killed' });
  }
  return cleaned;
}

/** The lock and the entry of an archive whose run was killed right after sealing it. */
async function recordWhatIsMissing(
  { store, archives }: Cleaning,
  key: string,
): Promise<StoreLeftover | undefined> {
  const object = parseKey(key);
  const archive = archives.own.find(
    ({ manifest }) => object?.kind === 'run' && manifest.snapshot.id === object.id,
  );
  if (!archive || (await isRecorded(store, archive))) return undefined;
  const { manifest, manifestKey, manifestBytes } = archive;
  const mark = await readMark(store, key);
  const until = Date.parse(mark?.lockUntil ?? '');
  const isLocked = until > Date.now() && manifest.drill.status !== 'failed';
  const order = {
    ...{ store, action: typeof mark?.action === 'string' ? mark.action : 'repair' },
    lockUntil: isLocked ? new Date(until) : null,
  };
  await recordSealed(order, { manifest, manifestKey, manifestSha256: sha256Of(manifestBytes) });
  const detail = 'a sealed archive that the ledger did not know of';
  return { kind: 'not-recorded', key: manifestKey, detail };
}

/** Whether any entry speaks of a manifest of it; one that speaks of another manifest is not for us to contradict. */
async function isRecorded(store: Store, { manifest }: Archive): Promise<boolean> {
  const { entries } = await readLedger(store, { after: manifest.ledger?.number ?? 0 });
  return entries.some(
    ({ snapshot, details }) =>
      snapshot?.id === manifest.snapshot.id && details.manifestSha256 !== undefined,
  );
}

/** Who may add and not delete, such as CI, leaves a leftover to somebody else: it harms nobody. */
async function isAllowed(deletion: Promise<void>): Promise<boolean> {
  try {
    await deletion;
    return true;
  } catch (error) {
    if (error instanceof BelayError && ['STORE_DENIED', 'PROTECTED'].includes(error.code)) {
      return false;
    }
    throw error;
  }
}
