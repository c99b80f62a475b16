import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { formatQualifiedName } from '../../domain/qualified-name.js';
import { BelayError } from '../../errors.js';
import { cancelQueries } from '../cancel.js';
import type { Within } from '../count-tables.js';
import { mapPostgresError, sqlStateOf } from '../pg-error.js';
import { quoteIdentifier, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';

/** A table whose rows are copied; largest first in a list. */
export interface CopiedTable {
  readonly schema: string;
  readonly name: string;
  /** Those that are not computed. */
  readonly columns: readonly string[];
}

export interface CopyTablesOrder {
  /** Opens sessions; nobody has to close them. */
  readonly openSource: () => Promise<Session>;
  readonly openCopy: () => Promise<Session>;
  /** Has a session of the source see the moment that is copied. */
  readonly within: Within;
  readonly tables: readonly CopiedTable[];
  /** Tables that are copied at the same time. */
  readonly jobs: number;
  readonly signal?: AbortSignal | undefined;
}

type Format = 'binary' | 'text';

/** A type of an extension may have no binary form. */
const noBinaryForm = '42883';
/** A message of a row each would be most of the work of a copy. */
const chunkBytes = 1024 * 1024;

/**
 * Copies the rows of tables from one database into empty tables of the same names and columns of another, several at once.
 * They are written as frozen: they need no second write by the first that reads them, nor by vacuum.
 * @returns rows of each table, in the order of the list
 * @throws BelayError PERMISSION_DENIED, DISK_FULL, …
 */
export async function copyTables(order: CopyTablesOrder): Promise<number[]> {
  const { tables, signal } = order;
  const rows: number[] = [];
  const busy = new Set<Session>();
  let next = 0;
  let failed = false;
  const stop = async () => {
    failed = true;
    await cancelQueries(order.openSource, busy).catch(() => {});
  };
  const onAbort = () => void stop();
  signal?.addEventListener('abort', onAbort, { once: true });
  const work = async ([source, copy]: readonly [Session, Session]) => {
    // Nothing of the copy is worth waiting for the disk before it is whole: a crash leaves what is removed.
    await copy.execute('SET synchronous_commit = off', 'preparing to copy');
    busy.add(source).add(copy);
    while (!failed && next < tables.length) {
      signal?.throwIfAborted();
      const index = next;
      next += 1;
      const table = tables[index];
      if (table) rows[index] = await order.within(source, () => copyTable(source, copy, table));
    }
    busy.delete(source);
    busy.delete(copy);
  };
  let problem: unknown;
  const fail = async (error: unknown) => {
    // The others are cancelled for it: theirs would only say that.
    problem ??= error;
    await stop();
  };
  try {
    const pairs = await openPairs(order);
    await Promise.all(pairs.map((pair) => work(pair).catch(fail)));
    signal?.throwIfAborted();
    if (problem !== undefined) throw problem;
    return rows;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** One after the other: opening asks another session something. */
async function openPairs(order: CopyTablesOrder): Promise<[Session, Session][]> {
  const pairs: [Session, Session][] = [];
  for (let count = 0; count < Math.min(order.jobs, order.tables.length); count += 1) {
    pairs.push([await order.openSource(), await order.openCopy()]);
  }
  return pairs;
}

/** What the server says after the rows: how many they were. It comes later than their end. */
function answerTo(from: Readable) {
  let refused = false;
  const { handleError } = from as unknown as { handleError: (error: Error) => void };
  const whole = new Promise<void>((resolve, reject) => {
    Object.assign(from, {
      handleReadyForQuery: () => resolve(),
      handleError: (error: Error) => {
        refused = true;
        handleError.call(from, error);
      },
    });
    from.on('error', reject);
  });
  whole.catch(() => {});
  return { whole, isRefused: () => refused };
}

function hangUp({ client }: Session): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } };
  connection.stream.destroy();
}

async function copyTable(source: Session, copy: Session, table: CopiedTable): Promise<number> {
  await source.execute('SAVEPOINT belay_copy', 'copying rows');
  try {
    return await copyAs('binary', source, copy, table);
  } catch (error) {
    if (sqlStateOf(error) !== noBinaryForm) throw error;
    await source.execute('ROLLBACK TO belay_copy', 'copying rows');
    return copyAs('text', source, copy, table);
  }
}

async function copyAs(
  format: Format,
  source: Session,
  copy: Session,
  table: CopiedTable,
): Promise<number> {
  return copy.transaction(async () => {
    // Rows may be frozen in a table only that this transaction has emptied; one of an extension has rows of its own.
    await copy.execute(`TRUNCATE ONLY ${quoteQualifiedName(table)}`, doingOf(table));
    return pipeRows(source, copy, table, { format, isFrozen: true });
  });
}

const doingOf = (table: CopiedTable): string => `copying the rows of ${formatQualifiedName(table)}`;

/**
 * Copies the rows of a table from one session to another, each in the transaction that it is in.
 * @returns how many
 */
export async function pipeRows(
  source: Session,
  copy: Session,
  table: CopiedTable,
  { format, isFrozen }: { readonly format: Format; readonly isFrozen: boolean },
): Promise<number> {
  const doing = doingOf(table);
  const name = quoteQualifiedName(table);
  const columns = table.columns.map(quoteIdentifier).join(', ');
  // A table without columns has rows all the same, and `()` is a syntax error.
  const list = columns === '' ? name : `${name} (${columns})`;
  const options = { highWaterMark: chunkBytes };
  const from = source.client.query(copyTo(`COPY ${list} TO STDOUT (FORMAT ${format})`, options));
  const freeze = isFrozen ? ', FREEZE' : '';
  const into = copy.client.query(
    copyFrom(`COPY ${list} FROM STDIN (FORMAT ${format}${freeze})`, options),
  );
  // A connection that is closed tells its open streams once more, when nobody listens any longer.
  into.on('error', () => {});
  const answer = answerTo(from);
  try {
    await pipeline(from, into);
    await answer.whole;
  } catch (error) {
    // Nobody reads on, and a server that cannot send waits for ever: neither a cancel nor an orderly end would reach it.
    if (!from.readableEnded && !answer.isRefused()) hangUp(source);
    throw mapPostgresError(error, doing);
  }
  if (from.rowCount === into.rowCount) return into.rowCount;
  throw new BelayError(
    'BUG',
    `${from.rowCount} rows of ${formatQualifiedName(table)} were read and ${into.rowCount} written`,
  );
}
