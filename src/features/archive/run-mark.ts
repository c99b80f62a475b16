import { hostname } from 'node:os';
import { type ArchivePlace, parseKey, placePrefix, runKey } from '../../domain/archive-keys.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import { isRunning } from '../../process/postmaster.js';
import type { Store } from '../../store/store.js';
import type { Archives } from './archives.js';

/** Who is at work on an archive, in the store: so that others can tell a leftover from work in progress. */
interface RunMark {
  readonly host: string;
  readonly pid: number;
  /** When the server that holds the target's lock was started: the same lock cannot be held twice. */
  readonly serverStart: string;
}

/** After so long an archive without a manifest is a leftover, whoever began it. */
const abandonedAfterMs = 7 * 24 * 60 * 60 * 1000;

async function serverStartOf(session: Session): Promise<string> {
  const { at } = await session.queryOne<{ at: string }>(
    'SELECT pg_postmaster_start_time()::text AS at',
  );
  return at;
}

/** Runs work on an archive while the store says that it is in progress. */
export async function withRunMark<T>(
  order: {
    readonly store: Store;
    readonly place: ArchivePlace;
    readonly id: string;
    readonly main: Session;
    readonly signal?: AbortSignal | undefined;
  },
  work: () => Promise<T>,
): Promise<T> {
  const { store, place, id, main, signal } = order;
  const key = runKey(place, id);
  const mark: RunMark = {
    host: hostname(),
    pid: process.pid,
    serverStart: await serverStartOf(main),
  };
  await store.write(key, Buffer.from(`${JSON.stringify(mark)}\n`), { signal });
  try {
    return await work();
  } finally {
    // A mark that stays is recognised by its dead owner.
    await store.delete(key).catch(() => {});
  }
}

export interface StoreLeftover {
  readonly kind: 'unsealed' | 'unfinished-upload' | 'run-mark';
  readonly key: string;
  readonly detail: string;
}

/**
 * Removes archives that were never sealed and uploads that were never finished, as far as whoever began them is
 * certainly gone. The caller holds the target's lock.
 */
export async function cleanStore(
  store: Store,
  place: ArchivePlace,
  main: Session,
  archives: Pick<Archives, 'unsealed'>,
): Promise<StoreLeftover[]> {
  const prefix = placePrefix(place);
  const isOver = overChecker(store, place, await serverStartOf(main));
  const cleaned: StoreLeftover[] = [];
  for (const upload of await store.listUnfinished(prefix)) {
    if (!(await isOver(upload.key, upload.startedAt))) continue;
    if (!(await isAllowed(store.abortUnfinished(upload)))) continue;
    cleaned.push({
      ...{ kind: 'unfinished-upload', key: upload.key },
      detail: 'an upload that was interrupted',
    });
  }
  for (const { key, modifiedAt } of archives.unsealed) {
    if (!key.startsWith(prefix) || !(await isOver(key, modifiedAt))) continue;
    if (!(await isAllowed(store.delete(key)))) continue;
    cleaned.push({ kind: 'unsealed', key, detail: 'an archive that was never sealed' });
  }
  for (const { key, modifiedAt } of await store.list(`${prefix}runs/`)) {
    if (!(await isOver(key, modifiedAt)) || !(await isAllowed(store.delete(key)))) continue;
    cleaned.push({ kind: 'run-mark', key, detail: 'the mark of a run that was killed' });
  }
  return cleaned;
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

function overChecker(store: Store, place: ArchivePlace, serverStart: string) {
  return async (key: string, since: Date): Promise<boolean> => {
    if (Date.now() - since.getTime() > abandonedAfterMs) return true;
    const object = parseKey(key);
    if (!object || !('id' in object)) return false;
    const mark = await readMark(store, runKey(place, object.id));
    if (!mark) return false;
    // Whoever worked under this lock is gone, for it is ours now.
    if (mark.serverStart === serverStart) return true;
    return mark.host === hostname() && !(await isRunning(mark.pid));
  };
}

async function readMark(store: Store, key: string): Promise<RunMark | undefined> {
  try {
    const bytes = await store.read(key);
    return bytes && JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
