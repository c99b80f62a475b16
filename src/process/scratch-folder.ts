import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isStillRunning, ownIdentity, type ProcessIdentity } from './process-identity.js';

const prefix = 'belay-scratch-';
const ownerName = 'owner.json';
/** An owner on another host or in another container cannot be asked. */
const foreignPatienceMs = 48 * 60 * 60_000;
/** Between making a folder and naming its owner. */
const writingPatienceMs = 60_000;

/**
 * A folder that only this user can look into, for as long as it is used. A kill -9 leaves it behind, with the beginning of
 * an archive in it: the next one that is made removes it.
 */
export async function withScratchFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  await removeDeadScratchFolders();
  const folder = await mkdtemp(join(tmpdir(), prefix));
  try {
    await writeFile(join(folder, ownerName), JSON.stringify(await ownIdentity()), { mode: 0o600 });
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes the folders of this user whose owner was killed. @returns their paths */
export async function removeDeadScratchFolders(): Promise<string[]> {
  const names = await readdir(tmpdir()).catch(() => []);
  const removed: string[] = [];
  for (const name of names.filter((candidate) => candidate.startsWith(prefix))) {
    const folder = join(tmpdir(), name);
    if (!(await isDead(folder))) continue;
    // The next run tries again.
    const isGone = await rm(folder, { recursive: true }).then(
      () => true,
      () => false,
    );
    if (isGone) removed.push(folder);
  }
  return removed;
}

async function isDead(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  if (!found?.isDirectory() || found.uid !== (process.getuid?.() ?? found.uid)) return false;
  const owner = await readOwner(folder);
  const running = owner && (await isStillRunning(owner));
  if (running !== undefined) return !running;
  const ageMs = Date.now() - found.mtimeMs;
  return ageMs > (owner ? foreignPatienceMs : writingPatienceMs);
}

async function readOwner(folder: string): Promise<ProcessIdentity | undefined> {
  try {
    const owner = JSON.parse(await readFile(join(folder, ownerName), 'utf8'));
    return typeof owner.pid === 'number' ? owner : undefined;
  } catch {
    return undefined;
  }
}
