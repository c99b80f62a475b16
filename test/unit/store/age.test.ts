import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { beforeAll, describe, expect, it } from 'vitest';
import { BelayError } from '../../../src/errors.js';
import {
  checkRecipients,
  decryptStream,
  encryptStream,
  readIdentityFile,
} from '../../../src/store/age.js';
import { failure } from '../../support/failure.js';
import { makeTempFolder } from '../../support/temp-folder.js';

let identity: string;
let recipient: string;
beforeAll(async () => {
  identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
});

const chunked = (bytes: Uint8Array, size = 10_000) =>
  Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    })(),
    { objectMode: false },
  );
const encrypt = async (bytes: Uint8Array) =>
  buffer(await encryptStream(chunked(bytes), [recipient]));
const decrypt = async (bytes: Uint8Array, identities = [identity]) =>
  buffer(await decryptStream(chunked(bytes), identities));

const chunkBytes = 64 * 1024;
const cipherChunkBytes = chunkBytes + 16;
/** Where the first chunk of the payload begins: after the header's last line and the nonce. */
const payloadAt = (bytes: Buffer) => bytes.indexOf('\n', bytes.indexOf('\n---') + 1) + 1 + 16;

describe('an encrypted stream', () => {
  it.each([0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 5 * chunkBytes])(
    'of %i bytes comes back as it was',
    async (size) => {
      const plain = randomBytes(size);
      const sealed = await encrypt(plain);
      expect(sealed.includes(plain.subarray(0, 16)) && size >= 16).toBe(false);
      expect((await decrypt(sealed)).equals(plain)).toBe(true);
    },
  );

  it('is read by any of its recipients, and by nobody else', async () => {
    const [second, stranger] = [await generateX25519Identity(), await generateX25519Identity()];
    const recipients = [recipient, await identityToRecipient(second)];
    const sealed = await buffer(await encryptStream(chunked(Buffer.from('rope')), recipients));
    expect(String(await decrypt(sealed, [stranger, second]))).toBe('rope');
    expect(String(await decrypt(sealed, [identity]))).toBe('rope');
    await failure(decrypt(sealed, [stranger]), 'NEEDS_IDENTITY');
    expect((await failure(decrypt(sealed, []), 'NEEDS_IDENTITY')).hint).toContain('--identity');
  });

  it('fails where a bit was flipped anywhere in its payload', async () => {
    const sealed = await encrypt(randomBytes(3 * chunkBytes));
    for (const at of [payloadAt(sealed), sealed.length >> 1, sealed.length - 1]) {
      const broken = Buffer.from(sealed);
      broken[at] = (broken[at] ?? 0) ^ 1;
      await failure(decrypt(broken), 'SEAL_BROKEN');
    }
  });

  it('fails where its header was changed', async () => {
    const sealed = await encrypt(Buffer.from('rope'));
    const broken = Buffer.from(sealed);
    // The first character of the header's own check value.
    const at = broken.indexOf('\n---') + 5;
    broken[at] = broken[at] === 65 ? 66 : 65;
    await failure(decrypt(broken), 'SEAL_BROKEN');
  });

  it('fails where two of its chunks were swapped', async () => {
    const sealed = await encrypt(randomBytes(4 * chunkBytes));
    const at = payloadAt(sealed);
    const chunk = (n: number) =>
      sealed.subarray(at + n * cipherChunkBytes, at + (n + 1) * cipherChunkBytes);
    const swapped = Buffer.concat([sealed.subarray(0, at), chunk(1), chunk(0), chunk(2), chunk(3)]);
    expect(swapped).toHaveLength(sealed.length);
    await failure(decrypt(swapped), 'SEAL_BROKEN');
  });

  it('fails where its last chunk, or a part of it, is missing, and not before the end', async () => {
    const plain = randomBytes(3 * chunkBytes);
    const sealed = await encrypt(plain);
    for (const missing of [cipherChunkBytes, 1, 2 * cipherChunkBytes]) {
      const stream = await decryptStream(chunked(sealed.subarray(0, -missing)), [identity]);
      let sizeBytes = 0;
      const reading = (async () => {
        for await (const chunk of stream) sizeBytes += chunk.length;
      })();
      await failure(reading, 'SEAL_BROKEN');
      expect(sizeBytes).toBeLessThan(plain.length);
    }
  });

  it('fails where something was appended', async () => {
    const sealed = await encrypt(randomBytes(chunkBytes));
    await failure(decrypt(Buffer.concat([sealed, Buffer.from('x')])), 'SEAL_BROKEN');
  });

  it('is not what is no age file: an archive, nothing, zeros without an end', async () => {
    await failure(decrypt(Buffer.from('PGDMP\x01\x0e')), 'SEAL_BROKEN');
    await failure(decrypt(Buffer.alloc(0)), 'SEAL_BROKEN');
    let readBytes = 0;
    const zeros = new Readable({
      read() {
        readBytes += chunkBytes;
        this.push(Buffer.alloc(chunkBytes));
      },
    });
    await failure(decryptStream(zeros, [identity]), 'SEAL_BROKEN');
    expect(readBytes).toBeLessThan(8 * 1024 * 1024);
    expect(zeros.destroyed).toBe(true);
  });
});

describe('between the two ends', () => {
  it.each([
    ['encrypting', (source: Readable) => encryptStream(source, [recipient])],
    [
      'decrypting',
      async (source: Readable) =>
        decryptStream(await encryptStream(source, [recipient]), [identity]),
    ],
  ])('a reader that waits holds up the source while %s', async (_name, through) => {
    let readBytes = 0;
    const source = new Readable({
      highWaterMark: chunkBytes,
      read() {
        readBytes += chunkBytes;
        this.push(readBytes > 100 * 1024 * 1024 ? null : Buffer.alloc(chunkBytes));
      },
    });
    const stream = await through(source);
    await new Promise((resolve) => stream.once('readable', resolve));
    await sleep(200);
    expect(readBytes).toBeLessThan(4 * 1024 * 1024);
    stream.destroy();
    await expect.poll(() => source.destroyed).toBe(true);
  });

  it.each([
    ['encrypting', (source: Readable) => encryptStream(source, [recipient])],
    ['decrypting', (source: Readable) => decryptStream(source, [identity])],
  ])(
    'a source that fails while %s makes the reader fail with its reason',
    async (_name, through) => {
      const source = new PassThrough();
      const sealed = await encrypt(randomBytes(3 * chunkBytes));
      source.write(sealed.subarray(0, 2 * chunkBytes));
      const stream = await through(source);
      setTimeout(() => source.destroy(new BelayError('DUMP_FAILED', 'pg_dump is gone')), 20);
      await failure(buffer(stream), 'DUMP_FAILED');
    },
  );
});

describe('recipients and identities', () => {
  it('tells a recipient that cannot be one, and never shows a secret key', async () => {
    await checkRecipients([recipient]);
    const typo = recipient.replace(/.$/, recipient.endsWith('q') ? 'p' : 'q');
    for (const wrong of [[], ['age1'], [typo], ['ssh-ed25519 AAAA'], [recipient, '']]) {
      await failure(checkRecipients(wrong), 'BAD_RECIPIENT');
    }
    const error = await failure(checkRecipients([identity]), 'BAD_RECIPIENT');
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain(identity);
  });

  it('reads an identity file, and never shows what is in one', async () => {
    const folder = makeTempFolder({
      good: `# public key: ${recipient}\r\n\n${identity}\n`,
      wrong: `${identity}x\n`,
      ssh: '-----BEGIN OPENSSH PRIVATE KEY-----\n',
      empty: '# nothing\n',
    });
    expect(await readIdentityFile(join(folder, 'good'))).toEqual([identity]);
    for (const name of ['wrong', 'ssh', 'empty']) {
      const error = await failure(readIdentityFile(join(folder, name)), 'NEEDS_IDENTITY');
      expect(`${error.message} ${error.hint} ${error.cause}`).not.toContain(identity);
    }
    await failure(readIdentityFile(join(folder, 'none')), 'FILE_ERROR');
    const error = await failure(decrypt(Buffer.alloc(9), [`${identity}x`]), 'NEEDS_IDENTITY');
    expect(`${error.message} ${error.hint} ${error.cause}`).not.toContain(identity);
  });
});

function hasAge(): boolean {
  try {
    execFileSync('age', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasAge())('the age program (skipped where it is not installed)', () => {
  it('opens what Belay encrypts, and Belay what it does, with a key of age-keygen', async () => {
    const folder = makeTempFolder();
    const file = (name: string) => join(folder, name);
    execFileSync('age-keygen', ['-o', file('key')], { stdio: 'ignore' });
    const [key = ''] = await readIdentityFile(file('key'));
    const publicKey = await identityToRecipient(key);
    const plain = randomBytes(3 * chunkBytes + 17);

    writeFileSync(file('ours'), await buffer(await encryptStream(chunked(plain), [publicKey])));
    execFileSync('age', ['--decrypt', '-i', file('key'), '-o', file('opened'), file('ours')]);
    expect(readFileSync(file('opened')).equals(plain)).toBe(true);

    writeFileSync(file('plain'), plain);
    execFileSync('age', ['--encrypt', '-r', publicKey, '-o', file('theirs'), file('plain')]);
    expect((await decrypt(readFileSync(file('theirs')), [key])).equals(plain)).toBe(true);
  });
});
