import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BelayError } from '../errors.js';

const fileName = 'gateway-password';

/**
 * The password of the gateway's own, for targets whose server asks for none: other users of the machine can reach a port
 * of its loopback, and must not become what the server takes this user for. Made at the first time, readable by its
 * owner alone, and the same from then on, so that the URL stays.
 *
 * @param folder Belay's data folder
 * @example
 * const { user, password = await gatewayPassword(folder) } = routes.settings;
 * @throws BelayError FILE_ERROR
 */
export async function gatewayPassword(folder: string): Promise<string> {
  const file = join(folder, fileName);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return (await readPassword(file)) ?? (await makePassword(file));
  } catch (error) {
    if (error instanceof BelayError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new BelayError('FILE_ERROR', `cannot keep the gateway's password in ${file} (${code})`, {
      hint: 'Belay needs a data folder that it can write to; BELAY_HOME names another.',
      cause: error,
    });
  }
}

async function readPassword(file: string): Promise<string | undefined> {
  try {
    // Somebody may have copied it about: what others could read before, they shall not from now on.
    await chmod(file, 0o600);
    const password = (await readFile(file, 'utf8')).trim();
    return password === '' ? undefined : password;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** In one step under its name, so that of two gateways one makes it and both have the same. */
async function makePassword(file: string): Promise<string> {
  const password = randomBytes(18).toString('base64url');
  const aside = `${file}.${process.pid}.new`;
  const handle = await open(aside, 'w', 0o600);
  try {
    await handle.writeFile(`${password}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(aside, file);
    return password;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const theirs = await readPassword(file);
    if (theirs !== undefined) return theirs;
    // Somebody emptied it: an empty password would be none.
    await rename(aside, file);
    return password;
  } finally {
    await rm(aside, { force: true });
  }
}
