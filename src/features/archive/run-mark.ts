import { hostname } from 'node:os';
import { type ArchivePlace, archiveKey, parseKey, runKey } from '../../domain/archive-keys.js';
import type { Session } from '../../postgres/session.js';
import { isRunning } from '../../process/postmaster.js';
import type { Store } from '../../store/store.js';
import { mayBeSealed, type SealOrder } from './seal.js';

/** Who is at work on an archive, in the store: so that others can tell a leftover from work in progress. */
interface RunMark {
  readonly host: string;
  readonly pid: number;
  /** When the server that holds the target's lock was started: the same lock cannot be held twice. */
  readonly serverStart: string;
  /** What the ledger is to call it. */
  readonly action: string;
  /** Until when the archive is to be locked, ISO 8601; null: not at all. */
  readonly lockUntil: string | null;
}

export interface MarkedRun {
  readonly store: Store;
  readonly place: ArchivePlace;
  readonly id: string;
  readonly main: Session;
  readonly action: SealOrder['action'];
  readonly lockUntil: Date | null;
  readonly signal?: AbortSignal | undefined;
}

/** After so long an archive without a manifest is a leftover, whoever began it. */
const abandonedAfterMs = 7 * 24 * 60 * 60 * 1000;

async function serverStartOf(session: Session): Promise<string> {
  const { at } = await session.queryOne<{ at: string }>(
    'SELECT pg_postmaster_start_time()::text AS at',
  );
  return at;
}

/** The work has failed, perhaps because of the store: its clean-up must not keep anybody waiting. */
const discardPatienceMs = 15_000;

/**
 * Runs work on an archive while the store says that it is in progress. Where it fails before the archive is sealed, nothing
 * of it stays.
 */
export async function withRunMark<T>(run: MarkedRun, work: () => Promise<T>): Promise<T> {
  const { store, place, id, main, action, lockUntil, signal } = run;
  const key = runKey(place, id);
  const mark: RunMark = {
    host: hostname(),
    pid: process.pid,
    serverStart: await serverStartOf(main),
    action,
    lockUntil: lockUntil?.toISOString() ?? null,
  };
  await store.write(key, Buffer.from(`${JSON.stringify(mark)}\n`), { signal });
  try {
    const result = await work();
    // A mark that stays is recognised by its dead owner.
    await store.delete(key).catch(() => {});
    return result;
  } catch (error) {
    if (!mayBeSealed(error)) await discard(run).catch(() => {});
    throw error;
  }
}

/** What is not sealed does not exist, so nobody would ever find it. */
async function discard({ store, place, id }: MarkedRun): Promise<void> {
  const signal = AbortSignal.timeout(discardPatienceMs);
  for (const { key } of await store.list(archiveKey(place, id, false), { signal })) {
    await store.delete(key, { signal });
  }
  await store.delete(runKey(place, id), { signal });
}

export const isOlder = (since: Date, ageMs: number) => Date.now() - since.getTime() > ageMs;

/** Tells whether whoever began something is certainly gone. The caller holds the target's lock. */
export async function overChecker(store: Store, place: ArchivePlace, main: Session) {
  const serverStart = await serverStartOf(main);
  return async (key: string, since: Date): Promise<boolean> => {
    if (isOlder(since, abandonedAfterMs)) return true;
    const object = parseKey(key);
    if (!object || !('id' in object)) return false;
    const mark = await readMark(store, runKey(place, object.id));
    if (!mark) return false;
    // Whoever worked under this lock is gone, for it is ours now.
    if (mark.serverStart === serverStart) return true;
    return mark.host === hostname() && !(await isRunning(mark.pid));
  };
}

export async function readMark(store: Store, key: string): Promise<RunMark | undefined> {
  try {
    const bytes = await store.read(key);
    return bytes && JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
