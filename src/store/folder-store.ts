import { createReadStream } from 'node:fs';
import { chmod, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { BelayError } from '../errors.js';
import { hasCode, isMissing, onPath } from './folder-errors.js';
import { makeFolder, publish, publishNew, syncFolder, writeAside } from './folder-files.js';
import { lockFile, readLock, refuseLocked, removeLock } from './folder-lock.js';
import { findFiles } from './folder-walk.js';
import { endOnAbort, throwIfAborted } from './interruption.js';
import { checkKey, compareKeys, isKey, unfinishedName } from './key.js';
import { proveCreation } from './prove-creation.js';
import { missingObject, refuseLarge } from './small-object.js';
import { chunksOf, readingFrom } from './source-chunks.js';
import type {
  ObjectLock,
  PutStreamOptions,
  Store,
  StoreCallOptions,
  StoredObject,
  StoredStream,
  UnfinishedUpload,
} from './store.js';

/** A folder of this machine, or one that is mounted here. */
export class FolderStore implements Store {
  readonly kind = 'folder';
  readonly location: string;

  /** @param folder its absolute path */
  constructor(folder: string) {
    this.location = folder;
  }

  async prepare(options?: StoreCallOptions): Promise<void> {
    await onPath(this.location, () => makeFolder(this.location));
    await proveCreation(this, options);
  }

  async putStream(key: string, source: Readable, options?: PutStreamOptions) {
    return readingFrom(source, () =>
      this.#at(key, options, async (path): Promise<StoredStream> => {
        await refuseLocked(path, key);
        const aside = await writeAside(path, chunksOf(source, options?.signal));
        await publish(aside, path);
        const { size, mtime } = await stat(path);
        if (size !== aside.sizeBytes) throw changedMeanwhile(path, size, aside.sizeBytes);
        const { sha256 } = aside;
        return { key, sizeBytes: size, modifiedAt: mtime, sha256, confirmedBy: 'size' };
      }),
    );
  }

  async create(key: string, bytes: Uint8Array, options?: StoreCallOptions) {
    return this.#at(key, options, async (path) => {
      const result = await publishNew(await writeAside(path, [bytes]), path).catch((error) => {
        throw withoutLinks(error, path);
      });
      if (result === 'created') return result;
      // On a network file system the answer to a link that was made can get lost, and the second try finds it made.
      return (await readFile(path)).equals(bytes) ? 'created' : 'exists';
    });
  }

  async write(key: string, bytes: Uint8Array, options?: StoreCallOptions): Promise<void> {
    await this.#at(key, options, async (path) => {
      await refuseLocked(path, key);
      await publish(await writeAside(path, [bytes]), path);
    });
  }

  async read(key: string, options?: StoreCallOptions): Promise<Uint8Array | undefined> {
    const found = await this.stat(key, options);
    if (!found) return undefined;
    refuseLarge(found);
    return this.#at(key, options, (path) => orMissing(readFile(path)));
  }

  async readStream(key: string, options?: StoreCallOptions): Promise<Readable> {
    return this.#at(key, options, async (path) => {
      const file = await orMissing(open(path, 'r'));
      if (!file) throw missingObject(this.location, key);
      const stream = createReadStream('', { fd: file, highWaterMark: 256 * 1024 });
      stream.once('close', endOnAbort(stream, options?.signal));
      return stream;
    });
  }

  async stat(key: string, options?: StoreCallOptions): Promise<StoredObject | undefined> {
    return this.#at(key, options, async (path) => {
      const found = await orMissing(stat(path));
      if (!found?.isFile()) return undefined;
      return { key, sizeBytes: found.size, modifiedAt: found.mtime };
    });
  }

  async list(
    prefix: string,
    options?: StoreCallOptions & { readonly after?: string; readonly limit?: number },
  ): Promise<StoredObject[]> {
    throwIfAborted(options?.signal);
    const after = options?.after;
    const files = await onPath(this.location, () =>
      findFiles(
        this.location,
        prefix,
        (name) => isKey(name) && (after === undefined || compareKeys(name, after) > 0),
      ),
    );
    return files
      .map(({ name, ...file }) => ({ key: name, ...file }))
      .sort((a, b) => compareKeys(a.key, b.key))
      .slice(0, options?.limit);
  }

  async delete(key: string, options?: StoreCallOptions): Promise<void> {
    await this.#at(key, options, async (path) => {
      await refuseLocked(path, key);
      await rm(path, { force: true }).catch((error) => {
        if (!isMissing(error)) throw error;
      });
      await removeLock(path);
      await orMissing(syncFolder(dirname(path)));
    });
  }

  async listUnfinished(prefix: string, options?: StoreCallOptions): Promise<UnfinishedUpload[]> {
    throwIfAborted(options?.signal);
    const files = await onPath(this.location, () =>
      findFiles(this.location, prefix, (name) => unfinishedName.test(name)),
    );
    return files.map(({ name, modifiedAt }) => ({
      key: name.replace(unfinishedName, ''),
      // The last write: what still grows is nobody's leftover, whenever it was begun.
      startedAt: modifiedAt,
      uploadId: unfinishedName.exec(name)?.[1] ?? '',
    }));
  }

  async abortUnfinished(upload: UnfinishedUpload, options?: StoreCallOptions): Promise<void> {
    const suffix = `.part-${upload.uploadId}`;
    if (!unfinishedName.test(suffix)) return;
    // Of an object, or of the note about an object's lock.
    const path = join(this.location, upload.key);
    checkKey(upload.key.replace(/\.lock$/, ''));
    throwIfAborted(options?.signal);
    await onPath(path, () => rm(`${path}${suffix}`, { force: true }));
  }

  async checkLocking(): Promise<ObjectLock['mode']> {
    return 'read-only';
  }

  async lock(key: string, until: Date, options?: StoreCallOptions): Promise<ObjectLock> {
    if (!(await this.stat(key, options))) throw missingObject(this.location, key);
    return this.#at(key, options, (path) => lockFile(path, until));
  }

  async lockOf(key: string, options?: StoreCallOptions): Promise<ObjectLock | undefined> {
    return this.#at(key, options, readLock);
  }

  async setReadOnly(key: string, isReadOnly: boolean): Promise<void> {
    await this.#at(key, undefined, async (path) => {
      const isLocked = (await readLock(path)) !== undefined;
      await orMissing(chmod(path, isReadOnly || isLocked ? 0o400 : 0o600));
    });
  }

  async close(): Promise<void> {}

  async #at<T>(
    key: string,
    options: StoreCallOptions | undefined,
    work: (path: string) => Promise<T>,
  ): Promise<T> {
    checkKey(key);
    throwIfAborted(options?.signal);
    const path = join(this.location, key);
    return onPath(path, () => work(path));
  }
}

function changedMeanwhile(path: string, sizeBytes: number, expectedBytes: number): BelayError {
  return new BelayError(
    'STORE_UNAVAILABLE',
    `${path} has ${sizeBytes} bytes, not ${expectedBytes}`,
    {
      hint: 'Something else has changed it meanwhile, or the disk does not work.',
      details: { path, sizeBytes, expectedBytes },
    },
  );
}

async function orMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** FAT and some network file systems have no links, and nothing else creates a whole file only once. */
function withoutLinks(error: unknown, path: string): unknown {
  const failure = error as NodeJS.ErrnoException;
  const lacksLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].some((code) =>
    hasCode(error, code),
  );
  if (failure.syscall !== 'link' || !lacksLinks) return error;
  return new BelayError('STORE_MISCONFIGURED', `the file system of ${path} has no hard links`, {
    hint: 'Use a folder on another file system as the store.',
    details: { path, code: failure.code },
    cause: error,
  });
}
