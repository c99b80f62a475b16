import type { Readable } from 'node:stream';
import { BelayError } from '../errors.js';
import { type PartReader, readParts, type UploadPart } from './part-reader.js';
import type { S3Connection } from './s3-connection.js';
import { confirmBytes } from './s3-etag.js';
import { stopOnAbort, UploadInParts } from './s3-multipart.js';
import { headObject } from './s3-object-facts.js';
import { chunksOf } from './source-chunks.js';
import type { PutStreamOptions, StoredStream } from './store.js';

/** Writes a stream: as one object where it fits into one part, else in parts. */
export async function uploadStream(
  connection: S3Connection,
  key: string,
  source: Readable,
  options: PutStreamOptions,
): Promise<StoredStream> {
  const { signal, expectedBytes } = options;
  const upload = new UploadInParts(connection, key);
  const detach = stopOnAbort(upload, signal);
  const chunks = chunksOf(source, upload.signal);
  const reader = readParts(chunks, expectedBytes, (size) => upload.slots.take(size));
  try {
    const etag = await sendParts(connection, key, reader, upload);
    return await confirmObject(connection, key, { ...reader.sum(), etag }, signal);
  } catch (error) {
    upload.stop(error);
    await upload.discard();
    // What made the others fail.
    throw upload.signal.reason;
  } finally {
    detach();
  }
}

async function sendParts(
  connection: S3Connection,
  key: string,
  reader: PartReader,
  upload: UploadInParts,
): Promise<string | undefined> {
  for await (const part of reader.parts()) {
    if (part.isLast && part.number === 1) return putBytes(connection, key, part, upload.signal);
    await upload.add(part);
  }
  return upload.complete(reader.sum().sizeBytes);
}

/**
 * Writes bytes as one object.
 * @returns the ETag that it must have; undefined where the server's are no checksums
 */
export async function putBytes(
  connection: S3Connection,
  key: string,
  { bytes, md5 }: Pick<UploadPart, 'bytes' | 'md5'>,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { sdk, client } = connection;
  const isConfirmed = await connection.call({
    ...{ action: `write ${key}`, right: 's3:PutObject', signal },
    send: async (abortSignal) => {
      const command = new sdk.PutObjectCommand({
        ...connection.object(key),
        Body: bytes,
        // The server refuses what was damaged on its way; and a bucket that locks by itself insists on it.
        ContentMD5: md5.toString('base64'),
      });
      const answer = await client.send(command, { abortSignal });
      return confirmBytes(connection, answer, md5);
    },
  });
  return isConfirmed ? md5.toString('hex') : undefined;
}

interface Expected {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly etag: string | undefined;
}

async function confirmObject(
  connection: S3Connection,
  key: string,
  { sizeBytes, sha256, etag }: Expected,
  signal: AbortSignal | undefined,
): Promise<StoredStream> {
  const facts = await headObject(connection, key, signal);
  if (facts?.sizeBytes !== sizeBytes) {
    const held = facts ? `holds ${facts.sizeBytes} bytes of it` : 'does not have it';
    throw new BelayError(
      'STORE_UNAVAILABLE',
      `${key} was written with ${sizeBytes} bytes, and ${connection.location} ${held}`,
      {
        hint: 'The store has lost what it took, or something else writes there.',
        details: { key, sizeBytes, storedBytes: facts?.sizeBytes ?? null },
      },
    );
  }
  const isConfirmed = etag !== undefined && facts.etag === etag;
  return {
    ...{ key, sizeBytes, sha256, modifiedAt: facts.modifiedAt },
    confirmedBy: isConfirmed ? 'checksum' : 'size',
  };
}
