import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { BelayError } from '../errors.js';
import { interruption } from './interruption.js';
import { isRunning } from './postmaster.js';

export interface FolderLockOptions {
  /** How long to wait for somebody else, default 150 s: as long as making a server may take. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const pollMs = 100;
/** Longer than any holder works: after a reboot the number in the file may be somebody else's. */
const staleAfterMs = 5 * 60_000;

async function tryLock(path: string, content: string): Promise<boolean> {
  const own = `${path}.${randomBytes(6).toString('hex')}`;
  // Written aside and linked, so that whoever reads the lock reads all of it.
  await writeFile(own, content, { mode: 0o600 });
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

async function isStale(path: string, content: string): Promise<boolean> {
  const pid = Number.parseInt(content, 10);
  if (!(await isRunning(pid))) return true;
  const age = await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  return age > staleAfterMs;
}

/** Takes a dead holder's lock away; if it was a newer one after all, puts it back. */
async function breakLock(path: string, seen: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await readFile(aside, 'utf8')) !== seen) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

async function acquire(path: string, content: string, options: FolderLockOptions): Promise<void> {
  const timeoutMs = options.timeoutMs ?? 150_000;
  const startedAt = performance.now();
  for (;;) {
    if (await tryLock(path, content)) return;
    if (options.signal?.aborted)
      throw interruption(options.signal.reason, 'waiting for another run of Belay');
    const holder = await readFile(path, 'utf8').catch(() => '');
    if (holder && (await isStale(path, holder))) await breakLock(path, holder);
    else if (performance.now() - startedAt > timeoutMs) throw heldError(path, holder);
    else await sleep(pollMs);
  }
}

function heldError(path: string, holder: string): BelayError {
  const pid = Number.parseInt(holder, 10);
  return new BelayError('LOCKED', `another run of Belay (process ${pid}) holds ${path}`, {
    hint: 'Wait for it to end, then run the command again.',
    details: { pid, lockFile: path },
  });
}

/**
 * Does work while no other process on this machine does work under the same lock file. A holder that
 * was killed is recognised by its process id.
 *
 * @throws BelayError LOCKED where somebody else holds it for too long; INTERRUPTED
 */
export async function withFolderLock<T>(
  path: string,
  work: () => Promise<T>,
  options: FolderLockOptions = {},
): Promise<T> {
  const content = `${process.pid} ${randomBytes(8).toString('hex')}\n`;
  await acquire(path, content, options);
  try {
    return await work();
  } finally {
    const holder = await readFile(path, 'utf8').catch(() => '');
    if (holder === content) await rm(path, { force: true });
  }
}
