import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  isStillRunning,
  ownIdentity,
  type ProcessIdentity,
} from '../../process/process-identity.js';

/**
 * Notes that this process uses the catalog's server, in a file of its own. The caller holds the lock of the folder.
 * @returns removes the note
 */
export async function noteUser(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${process.pid}-${randomBytes(4).toString('hex')}.json`);
  await writeFile(file, JSON.stringify(await ownIdentity()), { mode: 0o600 });
  return () => rm(file, { force: true });
}

/** Whether any process that lives has noted itself. Notes of the dead are removed. The caller holds the lock of the folder. */
export async function hasUsers(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  let found = false;
  for (const name of names) {
    const file = join(folder, name);
    if (await isInUse(file)) found = true;
    else await rm(file, { force: true });
  }
  return found;
}

async function isInUse(file: string): Promise<boolean> {
  try {
    const identity = JSON.parse(await readFile(file, 'utf8')) as ProcessIdentity;
    // One of another host or container cannot reach a server that listens in a folder of this one.
    return (await isStillRunning(identity)) ?? false;
  } catch {
    return false;
  }
}
