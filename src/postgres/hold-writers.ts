import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionPolicy } from '../domain/database-session.js';
import { formatQualifiedName, type QualifiedName } from '../domain/qualified-name.js';
import { BelayError } from '../errors.js';
import { sqlStateOf } from './pg-error.js';
import { quoteIdentifier, type Session } from './session.js';
import { describeHolders, readHolders, readLockableTables } from './sql/table-locks.js';

/**
 * Longest wait for one table. Whoever writes waits behind it meanwhile; and it is shorter than any sensible
 * `deadlock_timeout`, so that it is always this session that gives way to an application's, never the other way round.
 */
const oneLockMs = 150;
/** Longest time for all tables together. */
const allLocksMs = 500;
/** Between two tries writers go on; longer each time, so that they get their work done. */
const pausesMs = [20, 50, 100, 200, 400];
/** With "terminate", transactions that are in the way get this many tries to end by themselves. */
const triesBeforeEnding = 2;
const defaultPatienceMs = 10_000;

/** lock_timeout, deadlock, statement_timeout; a table or schema that was dropped or renamed since it was listed. */
const notYet = new Set(['55P03', '40P01', '57014', '42P01', '3F000']);
const outOfLocks = '53200';

export interface HoldOptions {
  readonly policy: SessionPolicy;
  /** How long to try, in milliseconds; default 10 s. */
  readonly patienceMs?: number | undefined;
  /** Another session of the server, to look and to end. */
  readonly helper: Session;
  readonly signal?: AbortSignal | undefined;
}

export interface HeldWriters {
  /** Every table of the database, by OID. */
  readonly tables: readonly LockedTable[];
  /** From when nobody could write, as performance.now() says. */
  readonly since: number;
  /** How long some writers were held off in tries that came to nothing, in milliseconds. */
  readonly inVainMs: number;
}

export interface LockedTable extends QualifiedName {
  readonly oid: number;
}

/**
 * Begins a transaction that keeps everybody from writing to any table of the session's database, and lets everybody read. It
 * lasts until the session ends its transaction or is gone, so that a kill leaves nothing locked. It is READ
 * COMMITTED: what was committed before the last lock is seen by every statement after it.
 *
 * Writers are only held off once the gentler lock is there that keeps out DDL and vacuum: what would take long is waited
 * for before. A table that is in use is put first in the next try, which finds the order in which the application works.
 * @throws BelayError SESSIONS_IN_THE_WAY naming who holds the table; PERMISSION_DENIED; the transaction is over then
 */
export async function holdWriters(session: Session, options: HoldOptions): Promise<HeldWriters> {
  const deadline = performance.now() + (options.patienceMs ?? defaultPatienceMs);
  const course = new Course(session, options, deadline);
  try {
    const tables = await course.begin();
    return { tables, ...(await course.holdOff(tables)) };
  } catch (error) {
    await letWritersGo(session);
    throw sqlStateOf(error) === outOfLocks ? tooManyTables(error) : error;
  }
}

/** Ends the transaction of {@link holdWriters}, whatever state it is in. */
export async function letWritersGo(session: Session): Promise<void> {
  await session.client.query('ROLLBACK').catch(() => {});
}

class Course {
  private readonly session: Session;
  private readonly options: HoldOptions;
  private readonly deadline: number;

  constructor(session: Session, options: HoldOptions, deadline: number) {
    this.session = session;
    this.options = options;
    this.deadline = deadline;
  }

  /** Keeps out whatever would change the tables themselves, without disturbing readers and writers. */
  async begin(): Promise<LockedTable[]> {
    for (let attempt = 0; ; attempt += 1) {
      await this.session.execute('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE', doing);
      const tables = await readLockableTables(this.session);
      // Longer than deadlock_timeout: by then the server itself has ended an autovacuum that is in the way.
      await this.session.execute(
        `SELECT set_config('lock_timeout', (extract(epoch FROM current_setting('deadlock_timeout')::interval) * 1000 + 500)::int::text, true)`,
        doing,
      );
      const failed = await this.lock(tables, 'SHARE UPDATE EXCLUSIVE');
      // A table that was made meanwhile would be left out.
      if (!failed && isSame(tables, await readLockableTables(this.session))) return tables;
      await letWritersGo(this.session);
      await this.pause(attempt, failed ? [failed] : [], 'SHARE UPDATE EXCLUSIVE');
    }
  }

  async holdOff(tables: readonly LockedTable[]): Promise<Omit<HeldWriters, 'tables'>> {
    let order: LockedTable[] = [];
    let inVainMs = 0;
    await this.session.execute('SAVEPOINT hold', doing);
    for (let attempt = 0; ; attempt += 1) {
      const since = performance.now();
      const failed = await this.tryAll(order, tables);
      if (!failed) return { since, inVainMs };
      inVainMs += performance.now() - since;
      await this.session.execute('ROLLBACK TO hold', doing);
      order = [...failed, ...order.filter((table) => !failed.includes(table))];
      await this.pause(attempt, failed, 'EXCLUSIVE');
    }
  }

  /** Those in use first and one by one, in the order that was found; then all others at once. @returns what failed */
  private async tryAll(
    first: readonly LockedTable[],
    tables: readonly LockedTable[],
  ): Promise<LockedTable[] | undefined> {
    await this.session.execute(
      `SET LOCAL lock_timeout = ${oneLockMs}; SET LOCAL statement_timeout = ${allLocksMs}`,
      doing,
    );
    for (const table of first) {
      if (await this.lock([table], 'EXCLUSIVE')) return [table];
    }
    const rest = tables.filter((table) => !first.includes(table));
    const failed = await this.lock(rest, 'EXCLUSIVE');
    if (failed) {
      const held = new Set(
        (await readHolders(this.options.helper, this.session, 'EXCLUSIVE')).map(
          ({ table }) => table,
        ),
      );
      const busy = rest.filter(({ oid }) => held.has(oid));
      return busy.length > 0 ? busy : [failed];
    }
    await this.session.execute('SET LOCAL statement_timeout = 0', doing);
    return undefined;
  }

  /** @returns one of the tables, where a lock was not to be had in time */
  private async lock(
    tables: readonly LockedTable[],
    mode: string,
  ): Promise<LockedTable | undefined> {
    const [first] = tables;
    if (!first) return undefined;
    const names = tables.map(
      ({ schema, name }) => `ONLY ${quoteIdentifier(schema)}.${quoteIdentifier(name)}`,
    );
    try {
      await this.session.execute(`LOCK TABLE ${names.join(', ')} IN ${mode} MODE`, doing);
      return undefined;
    } catch (error) {
      this.options.signal?.throwIfAborted();
      if (notYet.has(sqlStateOf(error) ?? '')) return first;
      throw error;
    }
  }

  /** Lets writers go on for a moment. @throws BelayError SESSIONS_IN_THE_WAY */
  private async pause(
    attempt: number,
    failed: readonly LockedTable[],
    mode: 'EXCLUSIVE' | 'SHARE UPDATE EXCLUSIVE',
  ): Promise<void> {
    const { helper, policy, signal } = this.options;
    signal?.throwIfAborted();
    const holders = await readHolders(helper, this.session, mode);
    if (policy === 'fail' || performance.now() >= this.deadline) {
      throw inTheWay(this.session.database, failed, describeHolders(holders), policy);
    }
    if (policy === 'terminate' && attempt + 1 >= triesBeforeEnding) {
      const pids = [...new Set(holders.map(({ pid }) => pid))];
      await helper
        .query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid', [pids])
        // Not allowed to: they stay, and are named when the time is up.
        .catch(() => {});
    }
    await sleep(pausesMs[Math.min(attempt, pausesMs.length - 1)], undefined, { signal });
  }
}

const doing = 'holding writers off';

function isSame(a: readonly LockedTable[], b: readonly LockedTable[]): boolean {
  return a.length === b.length && a.every(({ oid }, at) => oid === b[at]?.oid);
}

function inTheWay(
  database: string,
  failed: readonly LockedTable[],
  holders: readonly string[],
  policy: SessionPolicy,
): BelayError {
  const tables = failed.slice(0, 3).map(formatQualifiedName).join(', ');
  const who = holders.length > 0 ? `: ${holders.slice(0, 5).join('; ')}` : '';
  return new BelayError(
    'SESSIONS_IN_THE_WAY',
    `writers to "${database}" could not be held off: ${tables || 'a table'} is in use${who}`,
    {
      hint:
        policy === 'terminate'
          ? 'Stop what holds it, and run it again.'
          : 'Wait for those transactions to end, wait longer with --sessions-wait 1m, or pass --sessions terminate to end them.',
      details: { tables: failed.map(formatQualifiedName), holders },
    },
  );
}

function tooManyTables(cause: unknown): BelayError {
  return new BelayError(
    'SESSIONS_IN_THE_WAY',
    'the server has no room for a lock on every table at once',
    { hint: 'Raise max_locks_per_transaction on the server; nothing was changed.', cause },
  );
}
