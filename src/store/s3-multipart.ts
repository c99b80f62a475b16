import { interruption, throwIfAborted } from './interruption.js';
import type { UploadPart } from './part-reader.js';
import { PartSlots } from './part-slots.js';
import type { S3Connection } from './s3-connection.js';
import { compositeEtag, confirmBytes } from './s3-etag.js';
import { headObject, type ObjectFacts } from './s3-object-facts.js';
import { abortUpload, listUploads } from './s3-uploads.js';

/** Cleaning up must not hang where uploading did. */
const cleanupMs = 15_000;

interface SentPart {
  readonly etag: string;
  readonly md5: Buffer;
  /** Whether the ETag is that MD5. */
  readonly isConfirmed: boolean;
}

/**
 * One upload in parts, until `complete` or `discard`. Not named MultipartUpload: TypeScript 7.0 compiles a property of the
 * class's own name to another one, and the request has a property of that name.
 */
export class UploadInParts {
  readonly slots = new PartSlots();
  readonly #connection: S3Connection;
  readonly #key: string;
  readonly #stop = new AbortController();
  readonly #sent: SentPart[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  #uploadId: string | undefined;
  /** Begun uploads whose ids never arrived. */
  #mayHaveStrays = false;

  constructor(connection: S3Connection, key: string) {
    this.#connection = connection;
    this.#key = key;
  }

  /** Aborted when a part has failed for good, so that no more is read. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Ends all that is on its way. The first reason counts. */
  stop(reason: unknown): void {
    this.#stop.abort(reason);
    this.slots.fail(reason);
  }

  /** Sends a part without waiting for it. */
  async add(part: UploadPart): Promise<void> {
    this.#uploadId ??= await this.#begin();
    const sending = this.#send(part, this.#uploadId)
      .catch((error) => this.stop(error))
      .finally(() => this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
  }

  /** @returns the ETag that the object must have; undefined where the server's are no checksums */
  async complete(sizeBytes: number): Promise<string | undefined> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight);
    const { signal } = this.#stop;
    throwIfAborted(signal);
    const isConfirmed = this.#sent.every((part) => part.isConfirmed);
    const etag = isConfirmed ? compositeEtag(this.#sent.map(({ md5 }) => md5)) : undefined;
    const isThere = (facts: ObjectFacts | undefined) =>
      facts?.sizeBytes === sizeBytes && (etag === undefined || facts.etag === etag);
    const look = async () => isThere(await this.#lookForObject());
    try {
      await this.#finish();
    } catch (error) {
      // What failed may have been the answer alone; or a second attempt found the upload complete and gone.
      if (!(await look().catch(() => false))) throw error;
    }
    if (this.#mayHaveStrays) await this.discard();
    return etag;
  }

  /** Removes what the server keeps of the parts. Never fails: what is left, `listUnfinished` finds. */
  async discard(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    const signal = AbortSignal.timeout(cleanupMs);
    const uploads = new Set(this.#uploadId === undefined ? [] : [this.#uploadId]);
    try {
      if (this.#mayHaveStrays) {
        const begun = await listUploads(this.#connection, this.#key, signal);
        for (const { key, uploadId } of begun) if (key === this.#key) uploads.add(uploadId);
      }
      for (const uploadId of uploads) {
        await abortUpload(this.#connection, { key: this.#key, uploadId }, signal);
      }
    } catch {
      // The error that led here says more.
    }
  }

  async #begin(): Promise<string> {
    const { sdk, client } = this.#connection;
    this.#mayHaveStrays = true;
    let attempts = 1;
    const uploadId = await this.#connection.call({
      ...{ action: `write ${this.#key}`, right: 's3:PutObject', signal: this.#stop.signal },
      send: async (abortSignal, attempt) => {
        attempts = attempt;
        const command = new sdk.CreateMultipartUploadCommand(this.#connection.object(this.#key));
        return (await client.send(command, { abortSignal })).UploadId ?? '';
      },
    });
    this.#mayHaveStrays = attempts > 1;
    return uploadId;
  }

  async #send({ number, bytes, md5, release }: UploadPart, uploadId: string): Promise<void> {
    const { sdk, client } = this.#connection;
    this.#sent[number - 1] = await this.#connection.call({
      ...{ action: `write ${this.#key}`, right: 's3:PutObject', signal: this.#stop.signal },
      send: async (abortSignal) => {
        const command = new sdk.UploadPartCommand({
          ...this.#connection.object(this.#key),
          ...{ UploadId: uploadId, PartNumber: number, Body: bytes },
          // The server refuses what was damaged on its way.
          ContentMD5: md5.toString('base64'),
        });
        const answer = await client.send(command, { abortSignal });
        const isConfirmed = await confirmBytes(this.#connection, answer, md5);
        return { etag: answer.ETag ?? '', md5, isConfirmed };
      },
    });
    release();
  }

  async #finish(): Promise<void> {
    const { sdk, client } = this.#connection;
    const parts = this.#sent.map(({ etag }, index) => ({ ETag: etag, PartNumber: index + 1 }));
    await this.#connection.call<true>({
      ...{ action: `write ${this.#key}`, right: 's3:PutObject', signal: this.#stop.signal },
      send: async (abortSignal) => {
        const command = new sdk.CompleteMultipartUploadCommand({
          ...this.#connection.object(this.#key),
          ...{ UploadId: this.#uploadId, MultipartUpload: { Parts: parts } },
        });
        await client.send(command, { abortSignal });
        return true;
      },
    });
  }

  /** Also where the signal was aborted: whether the object is there decides what has to be cleaned up. */
  #lookForObject(): Promise<ObjectFacts | undefined> {
    return headObject(this.#connection, this.#key, AbortSignal.timeout(cleanupMs));
  }
}

/** Ends the upload when the signal is aborted. */
export function stopOnAbort(upload: UploadInParts, signal: AbortSignal | undefined): () => void {
  const stop = () => signal && upload.stop(interruption(signal));
  signal?.addEventListener('abort', stop, { once: true });
  return () => signal?.removeEventListener('abort', stop);
}
