import { randomBytes } from 'node:crypto';
import { chmod, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * Replaces a file in one step: whoever reads sees the old text or the new. A link stays a link, and the rights stay as
 * they are.
 * @param mode of a file that is not there yet
 */
export async function replaceFile(
  file: string,
  text: string | Uint8Array,
  mode: number,
): Promise<void> {
  const place = await realpath(file).catch(() => file);
  const existing = await stat(place).catch(() => null);
  await removeDead(place);
  const aside = `${place}.${randomBytes(6).toString('hex')}.belay`;
  try {
    const handle = await open(aside, 'wx', mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Without the process's mask, which has taken rights away at the opening.
    await chmod(aside, existing ? existing.mode & 0o7777 : mode);
    await rename(aside, place);
  } catch (error) {
    await rm(aside, { force: true }).catch(() => {});
    throw error;
  }
}

/** Longer than any writing takes. */
const deadAfterMs = 60_000;

/** What a kill has left beside the file: it may hold a secret, and nobody would ever look for it. */
async function removeDead(file: string): Promise<void> {
  const folder = path.dirname(file);
  const base = `${path.basename(file)}.`;
  const names = await readdir(folder).catch(() => []);
  const left = names.filter(
    (name) => name.startsWith(base) && /^[0-9a-f]{12}\.belay$/.test(name.slice(base.length)),
  );
  for (const name of left) {
    const found = await stat(path.join(folder, name)).catch(() => null);
    if (found && Date.now() - found.mtimeMs > deadAfterMs) {
      await rm(path.join(folder, name), { force: true }).catch(() => {});
    }
  }
}
