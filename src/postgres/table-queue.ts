import { cancelQueries } from './cancel.js';
import type { Session } from './session.js';
import type { TableRow } from './sql/tables.js';

/** Tables up to this size are read many in one query: there the round trip costs more than the reading. */
const smallTableBytes = 1024 * 1024;
const tablesPerQuery = 200;
/** With less to read than this, a second connection costs more than it saves. */
const worthAnotherSessionBytes = 16 * 1024 * 1024;

/** Runs reads of one session in a transaction of the caller's making, so that their locks end with it. */
export type Within = <T>(session: Session, work: () => Promise<T>) => Promise<T>;

export interface TableQueueOptions {
  readonly parallel?: number | undefined;
  /** Default: each query is a transaction of its own. */
  readonly within?: Within | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is read of the tables, and how. */
export interface TableReading<Result> {
  /** Statements that prepare a session. */
  readonly settings: string;
  /** What the reading is for, as it reads after "preparing to". */
  readonly purpose: string;
  /** Reads several tables in one query; the results are in their order. */
  readonly read: (session: Session, tables: readonly TableRow[]) => Promise<readonly Result[]>;
  readonly onRead?: ((results: readonly Result[]) => void) | undefined;
}

export interface ReadTable<Result> {
  readonly table: TableRow;
  readonly result: Result;
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

/** What is left to read, and what was read, shared by the sessions that read. */
class TableQueue<Result> {
  readonly done: ReadTable<Result>[] = [];
  readonly #batches: TableRow[][];
  readonly #running = new Set<Session>();
  readonly #openSession: () => Promise<Session>;
  readonly #reading: TableReading<Result>;
  readonly #options: TableQueueOptions;

  constructor(
    openSession: () => Promise<Session>,
    tables: readonly TableRow[],
    reading: TableReading<Result>,
    options: TableQueueOptions,
  ) {
    this.#openSession = openSession;
    this.#reading = reading;
    this.#options = options;
    this.#batches = toBatches(tables);
  }

  get length(): number {
    return this.#batches.length;
  }

  /** Reads until nothing is left, each query a short transaction of its own. */
  async work(session: Session): Promise<void> {
    const { settings, purpose, read, onRead } = this.#reading;
    await session.execute(settings, `preparing to ${purpose}`);
    for (let batch = this.#batches.shift(); batch; batch = this.#batches.shift()) {
      this.#options.signal?.throwIfAborted();
      this.#running.add(session);
      const reading = this.#within(session, () => read(session, batch));
      const results = await reading.finally(() => this.#running.delete(session));
      for (const [index, table] of batch.entries()) {
        this.done.push({ table, result: results[index] as Result });
      }
      onRead?.(results);
    }
  }

  #within<T>(session: Session, work: () => Promise<T>): Promise<T> {
    const { within } = this.#options;
    return within ? within(session, work) : work();
  }

  /** Lets nobody wait for a read that is not wanted any more: that of a large table takes minutes. */
  async stop(): Promise<void> {
    this.#batches.length = 0;
    await cancelQueries(this.#openSession, this.#running);
  }
}

/**
 * Reads something of every table, from a queue that several sessions share. A failure or an abort stops all of them,
 * and is thrown when they have stopped.
 */
export async function readEachTable<Result>(
  openSession: () => Promise<Session>,
  first: Session,
  tables: readonly TableRow[],
  reading: TableReading<Result>,
  options: TableQueueOptions,
): Promise<readonly ReadTable<Result>[]> {
  const queue = new TableQueue(openSession, tables, reading, options);
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
    return queue.done;
  } finally {
    options.signal?.removeEventListener('abort', stop);
  }
}
