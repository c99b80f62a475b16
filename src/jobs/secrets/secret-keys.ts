import { createHash, randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BelayError } from '../../errors.js';

export interface SecretKey {
  /** 32 bytes. */
  readonly bytes: Buffer;
  /** Tells keys apart without telling them. */
  readonly id: string;
}

export interface SecretKeys {
  /** The first seals, all of them open. */
  readonly keys: readonly [SecretKey, ...SecretKey[]];
  readonly from: 'environment' | 'file';
  readonly file: string;
}

/**
 * The keys that a server seals with: those of BELAY_SECRET_KEY, else one of its own in `serve/secret.key` of the data folder,
 * made at the first time. A key that lies in the file goes on opening what it has sealed after BELAY_SECRET_KEY was set.
 *
 * @throws BelayError BAD_CONFIG, FILE_ERROR
 */
export async function findSecretKeys(home: string, env: NodeJS.ProcessEnv): Promise<SecretKeys> {
  const file = join(home, 'serve', 'secret.key');
  const given = parseKeys(env.BELAY_SECRET_KEY ?? '');
  try {
    const kept = await readKey(file);
    const all = kept === undefined ? given : [...given, kept];
    const [first = await makeKey(file), ...more] = all;
    return { keys: [first, ...more], from: given.length > 0 ? 'environment' : 'file', file };
  } catch (error) {
    if (error instanceof BelayError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new BelayError('FILE_ERROR', `cannot keep the key of secrets in ${file} (${code})`, {
      hint: 'Belay needs a data folder that it can write to (BELAY_HOME names another), or a key in BELAY_SECRET_KEY.',
      cause: error,
    });
  }
}

function parseKeys(text: string): SecretKey[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  return words.map((word, index) => {
    const key = decodeKey(word);
    if (key !== undefined) return key;
    // The text itself may be a key with a slip in it, so it is not repeated.
    throw new BelayError('BAD_CONFIG', `BELAY_SECRET_KEY: key ${index + 1} is not 32 bytes`, {
      hint: 'Write 32 bytes as base64 or hexadecimal: `openssl rand -base64 32` makes such a key. Several are separated by commas; the first one seals.',
    });
  });
}

function decodeKey(text: string): SecretKey | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return toKey(Buffer.from(text, 'hex'));
  // Node.js reads both alphabets of base64, and leaves out in silence what belongs to neither.
  if (!/^[\w+/-]{43}=?$/.test(text)) return undefined;
  return toKey(Buffer.from(text, 'base64'));
}

function toKey(bytes: Buffer): SecretKey {
  const id = createHash('sha256').update('belay key id').update(bytes).digest('hex').slice(0, 12);
  return { bytes, id };
}

async function readKey(file: string): Promise<SecretKey | undefined> {
  let text: string;
  try {
    // Somebody may have copied it about: what others could read before, they shall not from now on.
    await chmod(file, 0o600);
    text = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const key = decodeKey(text);
  if (key !== undefined) return key;
  throw new BelayError('FILE_ERROR', `${file} does not hold a key`, {
    hint: 'Bring the file back from a backup. Where there is none, remove it: a new key is made, and URLs of databases and secrets of webhooks have to be given again.',
  });
}

/** In one step under its name, so that of servers that start at once one makes it and all have the same. */
async function makeKey(file: string): Promise<SecretKey> {
  // Not closed to others: the catalog beside it may run as another user.
  await mkdir(dirname(file), { recursive: true });
  const bytes = randomBytes(32);
  const aside = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.new`;
  const handle = await open(aside, 'wx', 0o600);
  try {
    try {
      await handle.writeFile(`${bytes.toString('base64')}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(aside, file);
    return toKey(bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const theirs = await readKey(file);
    if (theirs === undefined) throw error;
    return theirs;
  } finally {
    await rm(aside, { force: true });
  }
}
