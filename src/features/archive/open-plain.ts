import { createHash } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ArchiveFile } from '../../domain/manifest.js';
import { BelayError } from '../../errors.js';
import { decryptStream, readIdentityFile } from '../../store/age.js';
import type { Store } from '../../store/store.js';

export interface OpenPlainOptions {
  /** Secret keys; null: there are none. */
  readonly identities: readonly string[] | null;
  readonly signal?: AbortSignal | undefined;
}

type FileInStore = Pick<ArchiveFile, 'key' | 'sizeBytes' | 'sha256' | 'encryption'>;

/**
 * The bytes of an archive as pg_restore reads them. They are hashed on the way, as they lie in the store and decrypted, and
 * the stream fails instead of ending when they are not the ones that were sealed.
 * @throws BelayError NEEDS_IDENTITY, STORE_OBJECT_MISSING; SEAL_BROKEN from the stream
 */
export async function openPlain(
  store: Store,
  file: FileInStore,
  { identities, signal }: OpenPlainOptions,
): Promise<Readable> {
  const { encryption } = file;
  if (encryption && !identities) throw needsIdentity(file.key, encryption.recipients);
  const stored = await openStored(store, file, signal);
  if (!encryption || !identities) return stored;
  const plain = await decryptStream(stored, identities);
  const expected = { sizeBytes: encryption.plainSizeBytes, sha256: encryption.plainSha256 };
  return checked(plain, `${file.key} (decrypted)`, expected, signal);
}

/** The bytes of an archive as they lie in the store; the stream fails at its end where they are not the sealed ones. */
export async function openStored(
  store: Store,
  file: FileInStore,
  signal?: AbortSignal,
): Promise<Readable> {
  return checked(await store.readStream(file.key, { signal }), file.key, file, signal);
}

function needsIdentity(key: string, recipients: readonly string[]): BelayError {
  return new BelayError('NEEDS_IDENTITY', `${key} is encrypted to ${recipients.join(', ')}`, {
    hint: 'Name the file with the secret key: --identity FILE, or BELAY_IDENTITY.',
  });
}

/** The same bytes; fails at the end where size or SHA-256 are not the expected ones. */
function checked(
  source: Readable,
  what: string,
  expected: { readonly sizeBytes: number; readonly sha256: string },
  signal: AbortSignal | undefined,
): Readable {
  const out = new PassThrough();
  const hash = createHash('sha256');
  let sizeBytes = 0;
  pipeline(
    source,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        sizeBytes += chunk.length;
        yield chunk;
      }
      const sha256 = hash.digest('hex');
      if (sizeBytes !== expected.sizeBytes || sha256 !== expected.sha256) {
        throw new BelayError(
          'SEAL_BROKEN',
          `${what} is not what was sealed: ${sizeBytes} of ${expected.sizeBytes} bytes, SHA-256 ${sha256} instead of ${expected.sha256}`,
          {
            hint: 'It was damaged or changed in the store. Use another archive; `belay verify` checks all of them.',
          },
        );
      }
    },
    out,
    signal ? { signal } : {},
  ).catch((error: Error) => {
    // Whoever reads hears of it; an abort that comes when nobody reads any more must not end the process.
    out.on('error', () => {});
    out.destroy(error);
  });
  return out;
}

export interface IdentityOptions {
  /** File with age secret keys; default BELAY_IDENTITY. */
  readonly identityFile?: string | undefined;
}

/** The user's secret keys; null where none are named. @throws BelayError FILE_ERROR, BAD_RECIPIENT */
export async function findIdentities(
  { identityFile }: IdentityOptions,
  env: NodeJS.ProcessEnv,
): Promise<readonly string[] | null> {
  const file = identityFile ?? env.BELAY_IDENTITY;
  return file ? readIdentityFile(file) : null;
}
