import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { BelayError } from '../../errors.js';
import { findSecretKeys, type SecretKey, type SecretKeys } from './secret-keys.js';
import type { Secrets } from './secrets.js';

const version = 'bs1';
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Opens the keys that secrets are sealed with (AES-256-GCM).
 *
 * @param place data folder of Belay, and an environment that may have BELAY_SECRET_KEY
 * @example
 * const secrets = await openSecrets({ home, env });
 * const sealed = secrets.seal('postgres://…', 'database shop');
 * @throws BelayError BAD_CONFIG, FILE_ERROR
 */
export async function openSecrets({
  home,
  env,
}: {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
}): Promise<Secrets> {
  const found = await findSecretKeys(home, env);
  const byId = new Map(found.keys.map((key) => [key.id, key]));
  return {
    seal: (text, about) => seal(text, about, found.keys[0]),
    open: (sealed, about) => {
      const [prefix, id = '', data, ...more] = sealed.split('.');
      if (prefix !== version || data === undefined || more.length > 0) throw changed(about);
      const key = byId.get(id);
      if (key === undefined) throw otherKey(about, id, found);
      return open(Buffer.from(data, 'base64url'), about, key);
    },
  };
}

function seal(text: string, about: string, key: SecretKey): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce);
  cipher.setAAD(aboutBytes(about, key));
  const parts = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()];
  return `${version}.${key.id}.${Buffer.concat(parts).toString('base64url')}`;
}

function open(data: Buffer, about: string, key: SecretKey): string {
  if (data.length < nonceBytes + tagBytes) throw changed(about);
  const nonce = data.subarray(0, nonceBytes);
  const decipher = createDecipheriv('aes-256-gcm', key.bytes, nonce, { authTagLength: tagBytes });
  decipher.setAAD(aboutBytes(about, key));
  decipher.setAuthTag(data.subarray(-tagBytes));
  try {
    const text = decipher.update(data.subarray(nonceBytes, -tagBytes));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch (error) {
    throw changed(about, error);
  }
}

/** What it is about goes into the seal: a sealed text that was copied to another row does not open there. */
function aboutBytes(about: string, key: SecretKey): Buffer {
  return Buffer.from(`${version}/${key.id}/${about}`, 'utf8');
}

function changed(about: string, cause?: unknown): BelayError {
  return new BelayError('SECRET_UNREADABLE', `the sealed secret of ${about} was changed`, {
    hint: 'Somebody has written into the catalog by hand, or it was damaged. Give the secret again.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function otherKey(about: string, id: string, { keys, from, file }: SecretKeys): BelayError {
  const known = keys.map((key) => key.id);
  const source = from === 'file' ? file : 'BELAY_SECRET_KEY';
  return new BelayError(
    'SECRET_UNREADABLE',
    `the secret of ${about} was sealed with key ${id}, and ${source} holds ${known.join(', ')}`,
    {
      hint:
        from === 'file'
          ? 'Servers that share a catalog need the same key: set BELAY_SECRET_KEY on all of them to what lies in serve/secret.key of the one that sealed it. Where that key is lost, give the secret again.'
          : 'Add the key that sealed it to BELAY_SECRET_KEY, behind the present one and separated by a comma. Where it is lost, give the secret again.',
      details: { sealedWith: id, known },
    },
  );
}
