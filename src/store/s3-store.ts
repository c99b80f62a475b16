import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { ListObjectsV2CommandInput, ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { BelayError } from '../errors.js';
import { checkKey, isKey } from './key.js';
import { proveCreation } from './prove-creation.js';
import type { S3Connection } from './s3-connection.js';
import { foreignAnswer, isConditionFailed } from './s3-failure.js';
import { checkBucketLocking, lockObject, refuseLockedObject } from './s3-lock.js';
import { headObject } from './s3-object-facts.js';
import { openObject } from './s3-read.js';
import { putBytes, uploadStream } from './s3-upload.js';
import { abortUpload, listUploads } from './s3-uploads.js';
import { refuseLarge } from './small-object.js';
import { readingFrom } from './source-chunks.js';
import type {
  ObjectLock,
  PutStreamOptions,
  Store,
  StoreCallOptions,
  StoredObject,
  StoredStream,
  UnfinishedUpload,
} from './store.js';

const md5Of = (bytes: Uint8Array) => createHash('md5').update(bytes).digest();

/** A bucket, or a prefix in one, of AWS or of any server that speaks its API. */
export class S3Store implements Store {
  readonly kind = 's3';
  readonly location: string;
  readonly #connection: S3Connection;

  constructor(connection: S3Connection) {
    this.#connection = connection;
    this.location = connection.location;
  }

  prepare(options?: StoreCallOptions): Promise<void> {
    return proveCreation(this, options);
  }

  async putStream(
    key: string,
    source: Readable,
    options: PutStreamOptions = {},
  ): Promise<StoredStream> {
    return readingFrom(source, async () => {
      checkKey(key);
      await refuseLockedObject(this.#connection, key, options.signal);
      return uploadStream(this.#connection, key, source, options);
    });
  }

  async create(key: string, bytes: Uint8Array, options: StoreCallOptions = {}) {
    checkKey(key);
    const { signal } = options;
    const { sdk, client } = this.#connection;
    const result = await this.#connection.call<'created' | 'exists'>({
      ...{ action: `create ${key}`, right: 's3:PutObject', signal },
      send: async (abortSignal) => {
        const command = new sdk.PutObjectCommand({
          ...this.#connection.object(key),
          ...{ Body: bytes, ContentMD5: md5Of(bytes).toString('base64'), IfNoneMatch: '*' },
        });
        await client.send(command, { abortSignal });
        return 'created';
      },
      recover: (failure) => (isConditionFailed(failure) ? 'exists' : undefined),
    });
    if (result === 'created') return result;
    // It may have been created by this very call, by an attempt whose answer got lost.
    const present = await this.read(key, options);
    return present && Buffer.from(present).equals(bytes) ? 'created' : 'exists';
  }

  async write(key: string, bytes: Uint8Array, options?: StoreCallOptions): Promise<void> {
    checkKey(key);
    await refuseLockedObject(this.#connection, key, options?.signal);
    const part = { bytes: Buffer.from(bytes), md5: md5Of(bytes) };
    await putBytes(this.#connection, key, part, options?.signal);
  }

  async read(key: string, options?: StoreCallOptions): Promise<Uint8Array | undefined> {
    checkKey(key);
    try {
      const { stream, sizeBytes } = await openObject(this.#connection, key, options?.signal);
      try {
        refuseLarge({ key, sizeBytes });
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(chunk);
        return Buffer.concat(chunks);
      } finally {
        stream.destroy();
      }
    } catch (error) {
      if (error instanceof BelayError && error.code === 'STORE_OBJECT_MISSING') return undefined;
      throw error;
    }
  }

  async readStream(key: string, options?: StoreCallOptions): Promise<Readable> {
    checkKey(key);
    return (await openObject(this.#connection, key, options?.signal)).stream;
  }

  async stat(key: string, options?: StoreCallOptions): Promise<StoredObject | undefined> {
    checkKey(key);
    const facts = await headObject(this.#connection, key, options?.signal);
    return facts && { key, sizeBytes: facts.sizeBytes, modifiedAt: facts.modifiedAt };
  }

  async list(
    prefix: string,
    options: StoreCallOptions & { readonly after?: string; readonly limit?: number } = {},
  ): Promise<StoredObject[]> {
    const { after, signal, limit = Number.POSITIVE_INFINITY } = options;
    const { at } = this.#connection;
    const found: StoredObject[] = [];
    let token: string | undefined;
    do {
      const page = await this.#listPage(
        {
          Prefix: `${at.prefix}${prefix}`,
          MaxKeys: Math.min(limit - found.length, 1000),
          ...(after === undefined ? {} : { StartAfter: `${at.prefix}${after}` }),
          ...(token === undefined ? {} : { ContinuationToken: token }),
        },
        signal,
      );
      for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
        const key = Key.slice(at.prefix.length);
        // Consoles make objects that stand for folders.
        if (isKey(key)) found.push({ key, sizeBytes: Size, modifiedAt: LastModified });
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined && found.length < limit);
    return found;
  }

  #listPage(
    what: Omit<ListObjectsV2CommandInput, 'Bucket'>,
    signal: AbortSignal | undefined,
  ): Promise<ListObjectsV2CommandOutput> {
    const { sdk, client, at } = this.#connection;
    return this.#connection.call({
      ...{ action: 'list what is in the store', right: 's3:ListBucket', signal },
      send: async (abortSignal) => {
        const command = new sdk.ListObjectsV2Command({ Bucket: at.bucket, ...what });
        const page = await client.send(command, { abortSignal });
        if (page.Name === undefined && page.IsTruncated === undefined) throw foreignAnswer();
        return page;
      },
    });
  }

  async delete(key: string, { signal }: StoreCallOptions = {}): Promise<void> {
    checkKey(key);
    await refuseLockedObject(this.#connection, key, signal);
    const { sdk, client } = this.#connection;
    await this.#connection.call<unknown>({
      ...{ action: `delete ${key}`, right: 's3:DeleteObject', signal },
      send: (abortSignal) =>
        client.send(new sdk.DeleteObjectCommand(this.#connection.object(key)), { abortSignal }),
    });
  }

  listUnfinished(prefix: string, options?: StoreCallOptions): Promise<UnfinishedUpload[]> {
    return listUploads(this.#connection, prefix, options?.signal);
  }

  abortUnfinished(upload: UnfinishedUpload, options?: StoreCallOptions): Promise<void> {
    return abortUpload(this.#connection, upload, options?.signal);
  }

  async checkLocking(options?: StoreCallOptions): Promise<ObjectLock['mode']> {
    await checkBucketLocking(this.#connection, options?.signal);
    return 'compliance';
  }

  async lock(key: string, until: Date, options?: StoreCallOptions): Promise<ObjectLock> {
    checkKey(key);
    return lockObject(this.#connection, key, until, options?.signal);
  }

  async lockOf(key: string, options?: StoreCallOptions): Promise<ObjectLock | undefined> {
    checkKey(key);
    return (await headObject(this.#connection, key, options?.signal))?.lock;
  }

  async close(): Promise<void> {
    this.#connection.client.destroy();
  }
}
