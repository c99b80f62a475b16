import type { Readable } from 'node:stream';
import { throwIfAborted, unlessAborted } from './interruption.js';

/** Keeps apart what a source throws, which may be an error of a file system or a socket too. */
class SourceFailure extends Error {
  readonly thrown: unknown;
  constructor(thrown: unknown) {
    super('the source failed');
    this.thrown = thrown;
  }
}

const earlyEnd = () =>
  Object.assign(new Error('the source was closed before its end'), {
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  });

/**
 * What a stream brings, to its proper end. An abort ends it at once: a source that stands still cannot always be made to
 * end, so it is not waited for. The source is destroyed on every way out.
 *
 * @throws SourceFailure what the source throws
 */
export async function* chunksOf(
  source: Readable,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  // An error that comes before somebody reads, or after, must not end the process.
  source.on('error', () => {});
  try {
    throwIfAborted(signal);
    const iterator = source[Symbol.asyncIterator]();
    for (;;) {
      const next = iterator.next().catch((error) => {
        throw new SourceFailure(error);
      });
      const { done, value } = await unlessAborted(next, signal);
      if (done) break;
      yield typeof value === 'string' ? Buffer.from(value) : value;
    }
    if (!source.readableEnded) throw new SourceFailure(earlyEnd());
  } finally {
    source.destroy();
  }
}

/** Runs what will read a source: one that is not read after all is ended too, and its failure is thrown as it was. */
export async function readingFrom<T>(source: Readable, work: () => Promise<T>): Promise<T> {
  source.on('error', () => {});
  try {
    return await work();
  } catch (error) {
    source.destroy();
    throw error instanceof SourceFailure ? error.thrown : error;
  }
}
