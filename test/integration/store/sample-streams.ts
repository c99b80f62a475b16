import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';

export const mebibyte = 1024 * 1024;

/** A stream of random bytes in chunks of an odd size, as a pipe brings them. */
export function randomStream(sizeBytes: number): { source: Readable; bytes: Buffer } {
  const bytes = randomBytes(sizeBytes);
  const chunkBytes = 65_521;
  const chunks = Array.from({ length: Math.ceil(sizeBytes / chunkBytes) }, (_, index) =>
    bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
  );
  return { source: Readable.from(chunks, { objectMode: false }), bytes };
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Brings so many bytes, and then does what is asked instead of ending. */
export function streamThen(sizeBytes: number, then: () => Promise<void>): Readable {
  return Readable.from(
    (async function* () {
      for (let sent = 0; sent < sizeBytes; sent += 65_536) yield Buffer.alloc(65_536, sent % 251);
      await then();
    })(),
    { objectMode: false },
  );
}

export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
