import type { CopyMethod } from './snapshot.js';

/**
 * Below this size WAL_LOG is the faster way: it writes every block into the WAL, but spares the two
 * checkpoints that FILE_COPY forces. Measured on PostgreSQL 15 and 18 (ext4, 2 cores): equal at 64 MB,
 * FILE_COPY ahead from 128 MB on.
 */
const fileCopyFromBytes = 64 * 1024 * 1024;

export interface CopyStrategy {
  /** null: the server has no choice to offer (PostgreSQL 14, which always copies files). */
  readonly strategy: 'FILE_COPY' | 'WAL_LOG' | null;
  /** Whether to ask for file_copy_method = clone. Asking is not getting: see {@link methodInEffect}. */
  readonly askForClone: boolean;
}

/**
 * Chooses how CREATE DATABASE shall copy.
 * @param offersClone the server knows file_copy_method = clone (18 and later, on most platforms)
 */
export function chooseCopyStrategy(facts: {
  readonly serverVersion: number;
  readonly sizeBytes: number;
  readonly offersClone: boolean;
}): CopyStrategy {
  if (facts.serverVersion < 150000) return { strategy: null, askForClone: false };
  const large = facts.sizeBytes >= fileCopyFromBytes;
  return { strategy: large ? 'FILE_COPY' : 'WAL_LOG', askForClone: large && facts.offersClone };
}

/**
 * Faster than this no server copies bytes and makes them durable; slower than this a reflink of
 * something large never is. Only used where the file system itself could not be asked.
 */
const reflinkBytesPerSecond = 8e9;
const rateDecidesFromBytes = 512 * 1024 * 1024;

export interface CopyMeasurement {
  readonly sizeBytes: number;
  readonly durationMs: number;
  /** By how much the free space of the data directory's file system shrank; undefined: not visible. */
  readonly spaceUsedBytes: number | undefined;
}

/**
 * What a copy really was. `file_copy_method = clone` copies in silence where the file system has
 * no reflinks, so the request proves nothing: the space that was used does, or else the rate.
 */
export function methodInEffect(strategy: CopyStrategy, measured: CopyMeasurement): CopyMethod {
  if (strategy.strategy === 'WAL_LOG') return 'wal_log';
  if (!strategy.askForClone) return 'file_copy';
  if (measured.spaceUsedBytes !== undefined) {
    return measured.spaceUsedBytes < measured.sizeBytes / 4 ? 'reflink' : 'file_copy';
  }
  const rate = measured.sizeBytes / (Math.max(measured.durationMs, 1) / 1000);
  const decisive = measured.sizeBytes >= rateDecidesFromBytes && rate >= reflinkBytesPerSecond;
  return decisive ? 'reflink' : 'file_copy';
}

/** A copy made before on the same server. */
export interface EarlierCopy {
  readonly method: CopyMethod;
  readonly sizeBytes: number;
  readonly copyMs: number;
  readonly createdAt: string;
}

export interface CopyEstimate {
  readonly estimateMs: number;
  readonly basis: string;
}

/** Expected duration of a copy from the newest one of the same method that is big enough to tell. */
export function estimateCopy(
  sizeBytes: number,
  expected: CopyStrategy,
  earlier: readonly EarlierCopy[],
): CopyEstimate | undefined {
  const wanted: readonly CopyMethod[] =
    expected.strategy === 'WAL_LOG'
      ? ['wal_log']
      : expected.askForClone
        ? ['reflink', 'file_copy']
        : ['file_copy'];
  const sample = earlier.find(
    (copy) => wanted.includes(copy.method) && copy.copyMs > 0 && copy.sizeBytes > sizeBytes / 20,
  );
  if (!sample) return undefined;
  // A reflink's time hardly depends on the size, a copy's is in proportion to it.
  const factor = sample.method === 'reflink' ? 1 : sizeBytes / sample.sizeBytes;
  return {
    estimateMs: sample.copyMs * factor,
    basis: `as measured on ${sample.createdAt.slice(0, 16).replace('T', ' ')}`,
  };
}
