import type { Readable } from 'node:stream';
import { parseTableOfContents, type TableOfContents } from '../../domain/table-of-contents.js';
import { BelayError } from '../../errors.js';

/** The beginning of an archive, which is all that pg_restore reads for the schema. */
export interface ArchiveHead {
  readonly bytes: Buffer;
  readonly contents: TableOfContents;
}

const firstLookBytes = 256 * 1024;

/**
 * Reads an archive until its table of contents is whole, and no further. The stream is destroyed.
 * @throws BelayError NOT_AN_ARCHIVE
 */
export async function readArchiveHead(source: Readable): Promise<ArchiveHead> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  let lookAt = firstLookBytes;
  const look = () => parseTableOfContents(Buffer.concat(chunks));
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      // Parsing from the start at every chunk would take a time that grows with the square of the size.
      if (sizeBytes < lookAt) continue;
      lookAt *= 2;
      if (look().type !== 'incomplete') break;
    }
  } finally {
    source.on('error', () => {});
    source.destroy();
  }
  const parsed = look();
  if (parsed.type === 'contents') {
    const { contents } = parsed;
    return { contents, bytes: Buffer.concat(chunks).subarray(0, contents.sizeBytes) };
  }
  throw new BelayError(
    'NOT_AN_ARCHIVE',
    `this is no file of pg_dump -Fc: ${parsed.type === 'foreign' ? parsed.why : 'its table of contents is cut off'}`,
    { hint: 'Restore from another archive.' },
  );
}
