import { createHash } from 'node:crypto';
import { partSizeBytes } from './s3-part-size.js';

/** One part of what a stream brings. */
export interface UploadPart {
  /** From 1. */
  readonly number: number;
  /** Somebody else's after `release`. */
  readonly bytes: Buffer;
  readonly md5: Buffer;
  readonly isLast: boolean;
  release(): void;
}

export interface PartReader {
  parts(): AsyncGenerator<UploadPart>;
  /** SHA-256, hexadecimal, and number of all bytes so far. */
  sum(): { readonly sha256: string; readonly sizeBytes: number };
}

/**
 * Cuts a stream into parts. Their buffers are used again: memory stays the same however much comes, because the stream is not read
 * on while `takeSlot` waits for a part to be released.
 */
export function readParts(
  chunks: AsyncIterable<Buffer>,
  expectedBytes: number | undefined,
  takeSlot: (sizeBytes: number) => Promise<() => void>,
): PartReader {
  const sha256 = createHash('sha256');
  const idle: Buffer[] = [];
  let sizeBytes = 0;

  async function begin(number: number) {
    const size = partSizeBytes(number, expectedBytes);
    const freeSlot = await takeSlot(size);
    const buffer = idle.pop();
    return { freeSlot, buffer: buffer?.length === size ? buffer : Buffer.allocUnsafeSlow(size) };
  }

  async function* parts(): AsyncGenerator<UploadPart> {
    let number = 1;
    let { buffer, freeSlot } = await begin(number);
    let filled = 0;
    let md5 = createHash('md5');
    const finish = (isLast: boolean): UploadPart => {
      const [whole, free] = [buffer, freeSlot];
      const release = () => {
        idle.push(whole);
        free();
      };
      return { number, bytes: whole.subarray(0, filled), md5: md5.digest(), isLast, release };
    };
    for await (const chunk of chunks) {
      let rest = chunk;
      sha256.update(rest);
      sizeBytes += rest.length;
      while (rest.length > 0) {
        // Only when more has come is it known that a full part is not the last one.
        if (filled === buffer.length) {
          yield finish(false);
          number += 1;
          ({ buffer, freeSlot } = await begin(number));
          [filled, md5] = [0, createHash('md5')];
        }
        const taken = rest.subarray(0, buffer.length - filled);
        md5.update(taken);
        filled += taken.copy(buffer, filled);
        rest = rest.subarray(taken.length);
      }
    }
    yield finish(true);
  }

  return { parts, sum: () => ({ sha256: sha256.copy().digest('hex'), sizeBytes }) };
}
