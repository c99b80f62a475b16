import type { Readable } from 'node:stream';

/** What a store knows about one object. */
export interface StoredObject {
  /** Below the store's prefix, with "/" between its parts: "shop/7301…/archives/k3v9x2m7qa4t.dump". */
  readonly key: string;
  readonly sizeBytes: number;
  /** By the store's own clock: what retention goes by. */
  readonly modifiedAt: Date;
}

/** How it was confirmed that the store holds the bytes that were sent. */
export type StoreConfirmation =
  /** The store has computed a checksum of what it holds, and it is the one of what was sent. */
  | 'checksum'
  /** The store tells the size only. */
  | 'size';

export interface StoredStream extends StoredObject {
  /** SHA-256, hexadecimal, of the bytes that were sent. */
  readonly sha256: string;
  readonly confirmedBy: StoreConfirmation;
}

export interface StoreCallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface PutStreamOptions extends StoreCallOptions {
  /** Upper bound of what may come, to choose the size of the parts by; undefined: not known. */
  readonly expectedBytes?: number | undefined;
}

/** An upload that was begun and never finished, as `listUnfinished` finds it. */
export interface UnfinishedUpload {
  /** The key that it would have got. */
  readonly key: string;
  /** By the store's own clock. */
  readonly startedAt: Date;
  /** Tells it apart from other uploads to the same key. */
  readonly uploadId: string;
}

/** How long nobody can delete an object or change it, and how sure that is. */
export interface ObjectLock {
  readonly until: Date;
  /**
   * "compliance": the store itself refuses, whoever asks. "governance": it refuses whoever lacks a special right.
   * "read-only": files that are marked read-only, which their owner can undo.
   */
  readonly mode: 'compliance' | 'governance' | 'read-only';
}

/**
 * Where archives, manifests and the ledger live. Every call is retried with a bound where that is safe; what a method
 * throws is a BelayError: STORE_UNAVAILABLE (out of reach, hangs, or keeps failing), STORE_DENIED (credentials or
 * rights), STORE_MISCONFIGURED (no such bucket, wrong region, clock skew, a server that cannot do what is needed), DISK_FULL, PROTECTED
 * (the object is locked), INTERRUPTED (the signal was aborted).
 */
export interface Store {
  /** The folder's absolute path or "s3://bucket/prefix". Holds no secret. */
  readonly location: string;
  readonly kind: 'folder' | 's3';

  /**
   * Proves that the store can be written to and that it does conditional creation, before anything is based on that.
   * @throws BelayError STORE_MISCONFIGURED where an object can be created twice
   */
  prepare(options?: StoreCallOptions): Promise<void>;

  /**
   * Writes one object from a stream, with a bound on memory whatever its size. Until it resolves no object has the key; on
   * every way out (failure, abort, the source's error) nothing stays behind but, after a kill, what `listUnfinished` finds.
   * An object of the key that exists already is replaced: use keys that are not used twice.
   */
  putStream(key: string, source: Readable, options?: PutStreamOptions): Promise<StoredStream>;

  /**
   * Creates a small object if there is none of the key. Of any number of writers exactly one gets "created". Safe to retry: an answer that was lost
   * is recognised by the object's bytes, so these must differ between writers (an id, a time).
   */
  create(key: string, bytes: Uint8Array, options?: StoreCallOptions): Promise<'created' | 'exists'>;

  /** Writes a small object, replacing the one of the key. */
  write(key: string, bytes: Uint8Array, options?: StoreCallOptions): Promise<void>;

  /** A small object whole (at most 64 MiB); undefined where there is none. */
  read(key: string, options?: StoreCallOptions): Promise<Uint8Array | undefined>;

  /**
   * An object as a stream. Connections that break midway are taken up again at the byte where they broke.
   * @throws BelayError STORE_OBJECT_MISSING
   */
  readStream(key: string, options?: StoreCallOptions): Promise<Readable>;

  /** Undefined where there is none. */
  stat(key: string, options?: StoreCallOptions): Promise<StoredObject | undefined>;

  /** Objects whose keys begin with `prefix`, sorted by key (by its bytes in UTF-8). `after`: only keys behind this one. */
  list(
    prefix: string,
    options?: StoreCallOptions & {
      readonly after?: string | undefined;
      readonly limit?: number | undefined;
    },
  ): Promise<StoredObject[]>;

  /**
   * Deletes an object; one that is not there is deleted already.
   * @throws BelayError PROTECTED where it is locked
   */
  delete(key: string, options?: StoreCallOptions): Promise<void>;

  /** Uploads below `prefix` that were never finished. */
  listUnfinished(prefix: string, options?: StoreCallOptions): Promise<UnfinishedUpload[]>;

  /** Removes what an unfinished upload has left. */
  abortUnfinished(upload: UnfinishedUpload, options?: StoreCallOptions): Promise<void>;

  /**
   * Whether `lock` will work, and how strong it is, before anything is written.
   * @throws BelayError STORE_MISCONFIGURED, e.g. a bucket without Object Lock
   */
  checkLocking(options?: StoreCallOptions): Promise<ObjectLock['mode']>;

  /**
   * Locks an object (the version that is there now) until a time; a lock can only be made longer.
   * Reads the lock back, because servers are known that accept one and do nothing.
   */
  lock(key: string, until: Date, options?: StoreCallOptions): Promise<ObjectLock>;

  /** The lock on an object; undefined where there is none, or it has run out. */
  lockOf(key: string, options?: StoreCallOptions): Promise<ObjectLock | undefined>;

  /**
   * Marks an object as read-only, or takes the mark away: against a slip, not against intent. Only of stores whose objects
   * are files.
   */
  setReadOnly?(key: string, isReadOnly: boolean): Promise<void>;

  /** Lets go of connections. */
  close(): Promise<void>;
}
