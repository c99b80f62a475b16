import { randomBytes } from 'node:crypto';
import { chmod, open, realpath, rename, rm, stat } from 'node:fs/promises';

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
