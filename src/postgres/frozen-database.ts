import { formatQualifiedName, type QualifiedName } from '../domain/qualified-name.js';
import { BelayError } from '../errors.js';
import type { Within } from './count-tables.js';
import { checkReadable } from './fingerprint.js';
import { sqlStateOf } from './pg-error.js';
import { quoteLiteral, type Session } from './session.js';
import {
  quoteQualifiedName,
  readSequences,
  readTableNames,
  readTableRights,
} from './sql/tables.js';

/** One moment of a database that is in use, which several sessions and pg_dump can read. */
export interface FrozenDatabase {
  /** In the transaction that holds the moment. */
  readonly session: Session;
  /** For `SET TRANSACTION SNAPSHOT` and `pg_dump --snapshot`. */
  readonly snapshotName: string;
  /** Has reads of this or another session see that moment, and lets go of their locks. */
  readonly within: Within;
}

export interface FreezeOptions {
  /** How long to wait for a lock on a table, in milliseconds. */
  readonly lockTimeoutMs: number;
  /** Rows of some tables only will be read: the caller checks afterwards that the role may read those. */
  readonly someTables?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const tablesPerLock = 500;
const mostAttempts = 5;
const lockNotAvailable = '55P03';
/** A table or schema of the list is gone. */
const isGone = new Set(['42P01', '3F000']);
const outOfLocks = '53200';
const notAllowed = '42501';

/**
 * Freezes what is read of a database while others go on writing: a REPEATABLE READ transaction whose snapshot is
 * exported, with every table locked against ALTER, DROP and TRUNCATE (ACCESS SHARE, as pg_dump does).
 *
 * The locks come *before* the snapshot. A TRUNCATE or a rewriting ALTER between the two would empty the
 * tables for a snapshot that is older, and a count would then prove what was never there.
 * @throws BelayError PERMISSION_DENIED for what the role may not read whole; LOCK_TIMEOUT naming table and holder
 */
export async function freezeDatabase(
  session: Session,
  options: FreezeOptions,
): Promise<FrozenDatabase> {
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    options.signal?.throwIfAborted();
    const tables = await readTableRights(session);
    if (!options.someTables) checkReadable(tables, await readSequences(session));
    const snapshotName = await tryToFreeze(session, tables, options);
    if (snapshotName !== undefined) {
      return { session, snapshotName, within: readingWithin(session, snapshotName) };
    }
  }
  throw new BelayError('DATABASE_ERROR', 'tables come and go faster than they can be locked', {
    hint: 'Run it again when what creates and drops tables there is done.',
  });
}

/** @returns the snapshot's name; undefined where a table came or went meanwhile */
async function tryToFreeze(
  session: Session,
  tables: readonly QualifiedName[],
  options: FreezeOptions,
): Promise<string | undefined> {
  await session.execute(
    `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = ${options.lockTimeoutMs}`,
    'beginning to read',
  );
  try {
    await lockTables(session, tables);
    const { name } = await session.queryOne<{ name: string }>(
      'SELECT pg_export_snapshot() AS name',
      [],
      'exporting the snapshot',
    );
    const locked = new Set(tables.map(formatQualifiedName));
    const seen = await readTableNames(session);
    if (seen.every((table) => locked.has(formatQualifiedName(table)))) return name;
  } catch (error) {
    await session.execute('ROLLBACK', 'ending the transaction').catch(() => {});
    const state = sqlStateOf(error) ?? '';
    if (isGone.has(state)) return undefined;
    if (state === lockNotAvailable) throw await lockConflict(session, tables, options);
    if (state === outOfLocks) throw tooManyTables(tables.length, error);
    if (state === notAllowed) await refusePartlyReadable(session, tables);
    throw error;
  }
  await session.execute('ROLLBACK', 'ending the transaction');
  return undefined;
}

async function lockTables(session: Session, tables: readonly QualifiedName[]): Promise<void> {
  for (let at = 0; at < tables.length; at += tablesPerLock) {
    const names = tables.slice(at, at + tablesPerLock).map((table) => quoteQualifiedName(table));
    await session.execute(
      `LOCK TABLE ONLY ${names.join(', ONLY ')} IN ACCESS SHARE MODE`,
      'locking the tables against changes of their structure',
    );
  }
}

/** What the role may read some columns of can be counted, but neither locked nor dumped. */
async function refusePartlyReadable(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<void> {
  const names = tables.map((table) => quoteQualifiedName(table));
  const readable = await session.query<{ name: string }>(
    'SELECT name FROM unnest($1::text[]) name WHERE has_table_privilege(to_regclass(name), $2)',
    [names, 'SELECT'],
    'looking for what the role may not read',
  );
  const whole = new Set(readable.map(({ name }) => name));
  const partly = tables.filter((table) => !whole.has(quoteQualifiedName(table)));
  checkReadable(
    partly.map((table) => ({ ...table, readable: false, hidesRows: false })),
    [],
  );
}

interface Holder {
  readonly table: string;
  readonly pid: number;
  readonly who: string;
  /** False: it waits for the lock itself, and everybody who comes later waits behind it. */
  readonly granted: boolean;
}

/** Who held the lock is looked up afterwards: the error itself names neither the table nor the holder. */
async function lockConflict(
  session: Session,
  tables: readonly QualifiedName[],
  { lockTimeoutMs }: FreezeOptions,
): Promise<BelayError> {
  const holders = await session.query<Holder>(
    `SELECT l.relation::regclass::text AS table, l.pid, l.granted,
            concat_ws(', ', a.usename, nullif(a.application_name, ''), a.state) AS who
       FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
      WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.relation = ANY (SELECT to_regclass(name) FROM unnest($1::text[]) name)
      ORDER BY l.granted DESC, l.pid`,
    [tables.map((table) => quoteQualifiedName(table))],
    'looking for who holds the lock',
  );
  const [first] = holders;
  const what = first
    ? `${first.table} is ${first.granted ? 'locked' : 'about to be locked'} by process ${first.pid} (${first.who})`
    : 'a table is locked';
  return new BelayError('LOCK_TIMEOUT', `${what}, for more than ${lockTimeoutMs / 1000} s`, {
    hint: first
      ? `Wait for it to end, or end it: SELECT pg_terminate_backend(${first.pid}). Then run this again.`
      : 'Run it again.',
    details: { holders },
  });
}

function tooManyTables(count: number, cause: unknown): BelayError {
  return new BelayError(
    'DATABASE_ERROR',
    `the server's table of locks is too small for ${count} tables`,
    { hint: 'Raise max_locks_per_transaction on the server, e.g. to 256, and restart it.', cause },
  );
}

/**
 * Counting locks indexes too, and reading sequences each of them, until the transaction ends: with thousands of tables the
 * server's table of locks would not hold them. So each read gives its locks back at once.
 */
function readingWithin(holder: Session, snapshotName: string): Within {
  return async (session, work) => {
    const isHolder = session === holder;
    await session.execute(
      isHolder
        ? 'SAVEPOINT belay_read'
        : `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
           SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshotName)}`,
      'joining the snapshot',
    );
    const result = await work();
    await session.execute(
      isHolder ? 'ROLLBACK TO belay_read; RELEASE belay_read' : 'COMMIT',
      'leaving the snapshot',
    );
    return result;
  };
}
