import type { Readable } from 'node:stream';
import { encryptStream } from '../../store/age.js';
import type { Store, StoredStream } from '../../store/store.js';
import type { FinishedDrill } from './drill.js';
import { type Digest, distribute } from './dump.js';

export interface WriteArchiveOrder {
  readonly store: Store;
  readonly key: string;
  /** The file as pg_restore reads it. Destroyed when something fails. */
  readonly source: Readable;
  /** Empty: not encrypted. */
  readonly recipients: readonly string[];
  readonly expectedBytes?: number | undefined;
  /** Gets the same bytes while they go into the store; null: nobody reads along. */
  readonly drill: ((plain: Readable) => Promise<FinishedDrill>) | null;
  readonly signal?: AbortSignal | undefined;
}

export interface WrittenArchive {
  readonly stored: StoredStream;
  /** Of the file that pg_restore reads. */
  readonly plain: Digest;
  readonly drill: FinishedDrill | null;
}

/**
 * Streams an archive into the store, while a drill restores the very same bytes.
 * @throws BelayError of whatever failed first; then no object has the key
 */
export async function writeArchive(order: WriteArchiveOrder): Promise<WrittenArchive> {
  const { store, key, source, recipients, signal } = order;
  const { readers, done } = distribute(source, order.drill ? 2 : 1);
  const [forStore, forDrill] = readers;
  let firstError: unknown;
  const stopAll = (error: unknown) => {
    firstError ??= error;
    source.destroy(error instanceof Error ? error : undefined);
  };
  const watched = <T>(promise: Promise<T>): Promise<T> => {
    promise.catch(stopAll);
    return promise;
  };
  const upload = async () => {
    const plain = forStore as Readable;
    const bytes = recipients.length > 0 ? await encryptStream(plain, recipients) : plain;
    return store.putStream(key, bytes, { signal, expectedBytes: order.expectedBytes });
  };
  const drilling = async () => (order.drill && forDrill ? order.drill(forDrill) : null);
  const parts = [watched(done), watched(upload()), watched(drilling())] as const;
  // All of them must have ended before anybody cleans up behind them.
  await Promise.allSettled(parts);
  if (firstError !== undefined) throw firstError;
  const [plain, stored, drill] = await Promise.all(parts);
  return { stored, plain, drill };
}
