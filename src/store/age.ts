import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { BelayError } from '../errors.js';

/** Loaded only where something is encrypted: it takes longer than the rest of Belay. */
const loadAge = () => import('age-encryption');

const recipientHint =
  'Give the public key that age-keygen prints: it begins with age1. The secret key stays with those who may read.';

const identityHint =
  'It has to be as age-keygen writes it: AGE-SECRET-KEY-1 and more, not protected by a passphrase.';

/** An X25519 key; the other kinds of age are too new for the age programs that are around. */
const recipientPattern = /^age1[02-9ac-hj-np-z]{58}$/;
const identityPattern = /^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/;

function badRecipient(recipient: string): BelayError {
  // Somebody may have mixed up the two keys, and an error is printed and logged.
  const isSecret = /secret/i.test(recipient);
  const shown = isSecret ? 'a secret key' : JSON.stringify(recipient);
  return new BelayError('BAD_RECIPIENT', `${shown} is not an age recipient`, {
    hint: recipientHint,
  });
}

async function encrypterFor(recipients: readonly string[]) {
  const { Encrypter } = await loadAge();
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    if (!recipientPattern.test(recipient)) throw badRecipient(recipient);
    try {
      encrypter.addRecipient(recipient);
    } catch {
      throw badRecipient(recipient);
    }
  }
  if (recipients.length > 0) return encrypter;
  throw new BelayError('BAD_RECIPIENT', 'there is no recipient to encrypt to', {
    hint: recipientHint,
  });
}

/**
 * Tells a mistyped recipient before anything is encrypted to it: its key has a checksum.
 *
 * @throws BelayError BAD_RECIPIENT
 */
export async function checkRecipients(recipients: readonly string[]): Promise<void> {
  await encrypterFor(recipients);
}

/**
 * Chunk by chunk as they are asked for. `Readable.toWeb` counts chunks against a limit in bytes, and would hold a
 * gigabyte.
 */
function toWeb(source: Readable, onChunk: (sizeBytes: number) => void = () => {}) {
  const chunks = source[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) return controller.close();
        onChunk(value.length);
        controller.enqueue(value);
      },
      cancel() {
        source.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The way back. It ends and fails together with what it reads. */
function fromWeb(
  web: ReadableStream<Uint8Array>,
  source: Readable,
  nameError: (error: unknown) => Error,
): Readable {
  const reader = web.getReader();
  const result = new Readable({
    read() {
      reader.read().then(
        ({ done, value }) => result.push(done ? null : value),
        (error) => result.destroy(nameError(error)),
      );
    },
    destroy(error, callback) {
      source.destroy();
      reader.cancel().catch(() => {});
      callback(error);
    },
  });
  // Whoever reads gets the error; one that comes before that must not end the process.
  result.on('error', () => {});
  return result;
}

/**
 * Encrypts to recipients, any of whom can read it with `age --decrypt`. Needs no secret.
 *
 * @throws BelayError BAD_RECIPIENT
 */
export async function encryptStream(
  source: Readable,
  recipients: readonly string[],
): Promise<Readable> {
  const encrypter = await encrypterFor(recipients);
  const nameError = (error: unknown) => source.errored ?? (error as Error);
  return fromWeb(await encrypter.encrypt(toWeb(source)), source, nameError);
}

/** @returns undefined where one of them is no secret key. The reason may quote it, so nobody gets to know. */
async function decrypterFor(identities: readonly string[]) {
  const { Decrypter } = await loadAge();
  const decrypter = new Decrypter();
  try {
    for (const identity of identities) decrypter.addIdentity(identity);
    return identities.every((identity) => identityPattern.test(identity)) ? decrypter : undefined;
  } catch {
    return undefined;
  }
}

/** The header of a file for hundreds of recipients. What has a longer one is no age file, and is not read into memory. */
const maxHeaderBytes = 1024 * 1024;

/**
 * Decrypts. What comes out is authentic up to there; that nothing is missing is known at the end, and the stream
 * fails where it is.
 *
 * @param identities secret keys, as `readIdentityFile` gives them
 * @throws BelayError NEEDS_IDENTITY where none of them fits; SEAL_BROKEN (later from the stream too) where the
 * ciphertext is damaged; what the source fails with
 */
export async function decryptStream(
  source: Readable,
  identities: readonly string[],
): Promise<Readable> {
  const decrypter = await decrypterFor(identities);
  if (!decrypter) {
    source.destroy();
    throw new BelayError('NEEDS_IDENTITY', 'an age identity is malformed', { hint: identityHint });
  }
  let noneFits = false;
  // Asked last, so only where no other has fitted.
  decrypter.addIdentity({
    unwrapFileKey() {
      noneFits = true;
      return null;
    },
  });
  let headerBytes = 0;
  let inHeader = true;
  const limitHeader = (sizeBytes: number) => {
    headerBytes += sizeBytes;
    if (inHeader && headerBytes > maxHeaderBytes) throw new Error('the header has no end');
  };
  const nameError = (error: unknown) => source.errored ?? damaged(error);
  try {
    const decrypted = await decrypter.decrypt(toWeb(source, limitHeader));
    inHeader = false;
    return fromWeb(decrypted, source, nameError);
  } catch (error) {
    const named = noneFits ? noIdentityFits(identities.length) : nameError(error);
    source.destroy();
    throw named;
  }
}

function noIdentityFits(count: number): BelayError {
  const what =
    count === 0
      ? 'the archive is encrypted, and no identity was given'
      : 'the archive is not encrypted to any of the given identities';
  return new BelayError('NEEDS_IDENTITY', what, {
    hint: 'Give the file with the secret key of one of its recipients: --identity FILE.',
  });
}

function damaged(cause: unknown): BelayError {
  return new BelayError('SEAL_BROKEN', 'the encrypted archive is damaged or incomplete', {
    hint: 'Use another snapshot, or another copy of this one.',
    cause,
  });
}

/**
 * The secret keys in a file as age-keygen writes it.
 *
 * @throws BelayError FILE_ERROR; NEEDS_IDENTITY where the file holds something else, which no message shows
 */
export async function readIdentityFile(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new BelayError('FILE_ERROR', `cannot read the identity file ${path} (${cause.code})`, {
      hint: 'Check the name and the rights of the file.',
      cause,
    });
  });
  const lines = text.split('\n').map((line) => line.trim());
  const identities = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (identities.length > 0 && (await decrypterFor(identities))) return identities;
  throw new BelayError('NEEDS_IDENTITY', `the file ${path} holds no age identity`, {
    hint: identityHint,
  });
}
