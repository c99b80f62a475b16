import { cancelQueries } from './cancel.js';
import type { Session } from './session.js';
import { countTables, type TableRow } from './sql/tables.js';

/** Tables up to this size are counted many in one query: there the round trip costs more than the count. */
const smallTableBytes = 1024 * 1024;
const tablesPerQuery = 200;
/** With less to count than this, a second connection costs more than it saves. */
const worthAnotherSessionBytes = 16 * 1024 * 1024;

/**
 * Counting is most of what a snapshot costs. Measured on 1 GB (7 million rows, two cores, PostgreSQL 15 and 18): a
 * parallel sequential scan takes half the time of a serial one, and compiling it (jit) only delays it. An index-only
 * scan reads a seventh of the bytes, but takes twice as long from the page cache, where a new copy usually
 * is, and gains at most a seventh from disk: so that choice is left to the planner, which makes it for wide rows.
 */
const countSettings = `
  SET jit = off;
  SET max_parallel_workers_per_gather = 4;
`;

/** Runs reads of one session in a transaction of the caller's making, so that their locks end with it. */
export type Within = <T>(session: Session, work: () => Promise<T>) => Promise<T>;

export interface CountOptions {
  readonly parallel?: number | undefined;
  /** Default: each query is a transaction of its own. */
  readonly within?: Within | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: { tables: number; rows: number }) => void) | undefined;
}

export interface CountedTable {
  readonly table: TableRow;
  readonly rows: number;
}

/** Large tables one by one, largest first, so that no session starts on one when the others are done. */
function toBatches(tables: readonly TableRow[]): TableRow[][] {
  const large = tables.filter(({ sizeBytes }) => sizeBytes > smallTableBytes);
  const small = tables.filter(({ sizeBytes }) => sizeBytes <= smallTableBytes);
  const batches = large.map((table) => [table]);
  for (let at = 0; at < small.length; at += tablesPerQuery) {
    batches.push(small.slice(at, at + tablesPerQuery));
  }
  return batches;
}

function sessionsWorth(tables: readonly TableRow[], batches: number, parallel: number): number {
  const bytes = tables.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return bytes < worthAnotherSessionBytes ? 1 : Math.max(1, Math.min(parallel, batches));
}

/** What is left to count, and what was counted, shared by the sessions that count. */
class CountQueue {
  readonly counted: CountedTable[] = [];
  #rows = 0;
  readonly #batches: TableRow[][];
  readonly #running = new Set<Session>();
  readonly #openSession: () => Promise<Session>;
  readonly #options: CountOptions;

  constructor(
    openSession: () => Promise<Session>,
    tables: readonly TableRow[],
    options: CountOptions,
  ) {
    this.#openSession = openSession;
    this.#options = options;
    this.#batches = toBatches(tables);
  }

  get length(): number {
    return this.#batches.length;
  }

  /** Counts until nothing is left, each query a short transaction of its own. */
  async work(session: Session): Promise<void> {
    await session.execute(countSettings, 'preparing to count');
    for (let batch = this.#batches.shift(); batch; batch = this.#batches.shift()) {
      this.#options.signal?.throwIfAborted();
      this.#running.add(session);
      const counting = this.#within(session, () => countTables(session, batch));
      const rows = await counting.finally(() => this.#running.delete(session));
      for (const [index, table] of batch.entries()) {
        this.counted.push({ table, rows: rows[index] ?? 0 });
        this.#rows += rows[index] ?? 0;
      }
      this.#options.onProgress?.({ tables: this.counted.length, rows: this.#rows });
    }
  }

  #within<T>(session: Session, work: () => Promise<T>): Promise<T> {
    const { within } = this.#options;
    return within ? within(session, work) : work();
  }

  /** Lets nobody wait for a count that is not wanted any more: that of a large table takes minutes. */
  async stop(): Promise<void> {
    this.#batches.length = 0;
    await cancelQueries(this.#openSession, this.#running);
  }
}

/**
 * Exact rows of all tables, from a queue that several sessions share. A failure or an abort stops all of them, and is
 * thrown when they have stopped.
 */
export async function countAll(
  openSession: () => Promise<Session>,
  first: Session,
  tables: readonly TableRow[],
  options: CountOptions,
): Promise<CountedTable[]> {
  const queue = new CountQueue(openSession, tables, options);
  // When the sessions can't be ended early they end by themselves, later.
  const stop = () => queue.stop().catch(() => {});
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    const sessions = sessionsWorth(tables, queue.length, options.parallel ?? 2);
    const workers = Array.from({ length: sessions }, async (_, index) => {
      try {
        await queue.work(index === 0 ? first : await openSession());
      } catch (error) {
        await stop();
        throw error;
      }
    });
    const ended = await Promise.allSettled(workers);
    options.signal?.throwIfAborted();
    const failed = ended.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return queue.counted;
  } finally {
    options.signal?.removeEventListener('abort', stop);
  }
}
