import type { LockHazard, LockMode } from '../impact.js';
import type { LiveRelation } from './live-catalog.js';

/** How much hangs on a lock of a table, its partitions and inheritors included. */
export interface TableWeight {
  /** As the statistics have it; null: nothing has counted yet. */
  readonly rows: number | null;
  readonly sizeBytes: number;
  /** Averages over the time that the statistics cover; null: not known. */
  readonly writesPerSecond: number | null;
  readonly readsPerSecond: number | null;
  /** Somebody has used it since the statistics were reset. */
  readonly isUsed: boolean;
}

/** What is done while a lock is held. */
export type LockedWork =
  /** Only catalogs change. */
  | 'nothing'
  /** Every row is read. */
  | 'scan'
  /** Every row is written. */
  | 'rewrite'
  /** An index over every row is built. */
  | 'index';

const sumOf = (numbers: readonly number[]): number =>
  numbers.reduce((total, one) => total + one, 0);

/**
 * @param relations a table with what else the statement locks of it: partitions, inheritors
 * @param statisticsSeconds how long the statistics of writes and reads cover; null: not known
 */
export function weighTables(
  relations: readonly LiveRelation[],
  statisticsSeconds: number | null,
): TableWeight {
  // A partitioned table has no rows of its own, and its estimate is that of its partitions.
  const holders = relations.filter(({ kind }) => kind !== 'p');
  const counted = holders.filter(({ estimatedRows }) => estimatedRows >= 0);
  const total = (values: readonly (number | null)[]) => sumOf(values.map((value) => value ?? 0));
  const rate = (values: readonly (number | null)[]) =>
    statisticsSeconds === null || statisticsSeconds < 1 || values.every((value) => value === null)
      ? null
      : total(values) / statisticsSeconds;
  const writes = holders.map((one) => one.writes);
  const reads = holders.map((one) => one.reads);
  return {
    rows: counted.length === 0 ? null : sumOf(counted.map((one) => one.estimatedRows)),
    sizeBytes: sumOf(holders.map((one) => one.sizeBytes)),
    writesPerSecond: rate(writes),
    readsPerSecond: rate(reads),
    isUsed: total(writes) + total(reads) > 0,
  };
}

/** What sessions have to wait for, by the lock. */
const blocked: Readonly<Record<LockMode, string | null>> = {
  'ACCESS SHARE': null,
  'ROW SHARE': null,
  'ROW EXCLUSIVE': null,
  'SHARE UPDATE EXCLUSIVE': null,
  SHARE: 'writes',
  'SHARE ROW EXCLUSIVE': 'writes',
  EXCLUSIVE: 'writes',
  'ACCESS EXCLUSIVE': 'reads and writes',
};

/** Below this no work takes long: some hundredths of a second on any disk. */
const smallBytes = 4 * 1024 * 1024;
/** Files of a table and its first index that nobody has written to. */
const emptyBytes = 32 * 1024;

/**
 * How others feel a lock. An empty table that nobody uses is no hazard; a lock for a moment still waits for whoever is
 * in the table, and everybody else waits behind it.
 */
export function lockHazard(
  lock: LockMode | null,
  work: LockedWork,
  weight: TableWeight | null,
): LockHazard {
  if (lock === null || weight === null || blocked[lock] === null) return 'none';
  const isEmpty = (weight.rows ?? 0) === 0 && weight.sizeBytes <= emptyBytes;
  if (isEmpty && !weight.isUsed) return 'none';
  return work !== 'nothing' && weight.sizeBytes > smallBytes ? 'long' : 'brief';
}

const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

function sizeText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const numberText = (value: number): string => Math.round(value).toLocaleString('en-US');

function rateText(perSecond: number, what: string): string {
  if (perSecond >= 1) return `about ${numberText(perSecond)} ${what}s a second`;
  if (perSecond * 60 >= 1) return `about ${numberText(perSecond * 60)} ${what}s a minute`;
  return `less than one ${what} a minute`;
}

/** e.g. "about 5,000,000 rows (612 MB, about 40 writes a second)". */
export function describeWeight(weight: TableWeight): string {
  const rows = weight.rows === null ? 'all rows' : `about ${numberText(weight.rows)} rows`;
  const facts = [sizeText(weight.sizeBytes)];
  if (weight.writesPerSecond !== null) facts.push(rateText(weight.writesPerSecond, 'write'));
  return `${rows} (${facts.join(', ')})`;
}

const during: Readonly<Record<LockedWork, string>> = {
  nothing: 'for a moment',
  scan: 'while every row is read',
  rewrite: 'while every row is written',
  index: 'while the index is built',
};

/** What others feel of a lock, as the end of a reason; empty: nothing. */
export function describeHazard(
  hazard: LockHazard,
  { lock, work, weight }: { lock: LockMode; work: LockedWork; weight: TableWeight },
): string {
  const what = blocked[lock];
  if (hazard === 'none' || what === null) return '';
  if (hazard === 'long') return `blocks ${what} of ${describeWeight(weight)} ${during[work]}`;
  const traffic =
    weight.writesPerSecond === null ? '' : ` (${rateText(weight.writesPerSecond, 'write')})`;
  return `blocks ${what} for a moment, after it has waited for those who use the table${traffic}`;
}
