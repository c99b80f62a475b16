import type { MeasuredTable } from '../../../domain/impact/measure.js';
import { type RunOptions, silentReporter } from '../../../domain/reporter.js';
import { BelayError } from '../../../errors.js';
import { mapPostgresError, sqlStateOf } from '../../pg-error.js';
import type { Session } from '../../session.js';

export interface MeasureImpactsOptions extends RunOptions {
  /** For each scan of a table, in milliseconds. */
  readonly timeoutMs: number;
  /** For all together, in milliseconds; default ten times that of a scan. What is left then is estimated. */
  readonly totalTimeoutMs?: number | undefined;
  /** How many keys of rows to show, at most. */
  readonly samples: number;
  /** reltuples by oid, for what takes too long. */
  readonly estimates: ReadonlyMap<number, number>;
}

/** One row of a counting query; names of columns are its own. */
export type CountedRow = Readonly<Record<string, unknown>>;

/** A count that the database did not give. */
export class Refusal {
  readonly sqlState: string;
  readonly why: string;

  constructor(sqlState: string, why: string) {
    this.sqlState = sqlState;
    this.why = why;
  }

  get isTimeout(): boolean {
    return this.sqlState === '57014';
  }

  /** The data is at fault, not the names or the rights: a value does not fit, a function raises an error. */
  get isOfData(): boolean {
    return /^(?:0A|22|23|2F|38|39|P0)/.test(this.sqlState);
  }
}

export interface AttemptOptions {
  /** As `SET search_path` takes it; null: Belay's own. */
  readonly searchPath?: string | null | undefined;
  /** Table that is read, for the reason of a refusal. */
  readonly table?: MeasuredTable | undefined;
  /** Less than what a scan has. */
  readonly timeoutMs?: number | undefined;
  /** Runs in the calling backend alone, for the planner's number of rows. */
  readonly isSerial?: boolean | undefined;
  /** Has its `timeoutMs` whatever is left of the time for all. */
  readonly isExtra?: boolean | undefined;
}

const doing = 'counting what would be lost';

/** As the migration's own connection has them: conditions and conversions of times depend on them. */
const usersOwn = ['TimeZone', 'DateStyle', 'IntervalStyle', 'bytea_output', 'extra_float_digits'];

/** Says why in the words of the user, by SQLSTATE; PostgreSQL's own words may hold values of rows. */
function whyOf(sqlState: string, seconds: number): string {
  if (sqlState === '57014') return `counting took longer than ${seconds} s`;
  if (sqlState === '42501') return 'the role may not read it';
  if (sqlState === '55P03') return 'another session holds a strong lock on it';
  if (sqlState === '25006') return 'it calls a function that writes';
  if (sqlState.startsWith('22') || sqlState === '23514' || sqlState === '23502')
    return `it fails on a value that is there (SQLSTATE ${sqlState})`;
  if (['42846', '42883', '42804'].includes(sqlState)) return 'there is no such conversion';
  if (['42P01', '42703', '3F000', '42704'].includes(sqlState)) return 'it is not there now';
  return `PostgreSQL does not run it (SQLSTATE ${sqlState})`;
}

/** The connection, or the server, is at an end: no other count would come either. */
const isEnd = (sqlState: string): boolean => /^(?:08|57P)/.test(sqlState);

/**
 * Reads for counts in one read-only snapshot. Each query is a savepoint that is rolled back: so its failure takes nothing
 * along, and its ACCESS SHARE lock is gone when it has its number. A lock kept to the end would make any ALTER TABLE
 * wait for counts of other tables, and everybody else behind that.
 */
export class Reading {
  readonly session: Session;
  readonly options: MeasureImpactsOptions;
  readonly #deadline: number;

  constructor(session: Session, options: MeasureImpactsOptions) {
    this.session = session;
    this.options = options;
    this.#deadline =
      performance.now() + (options.totalTimeoutMs ?? Math.max(options.timeoutMs * 10, 1000));
  }

  get reporter() {
    return this.options.reporter ?? silentReporter;
  }

  /** How long the next scan may take, in milliseconds; 0: no time is left. */
  get leftMs(): number {
    return Math.max(0, Math.min(this.options.timeoutMs, this.#deadline - performance.now()));
  }

  /**
   * Runs work in a read-only transaction. Within somebody's transaction (a migration that counts again before it destroys
   * something) it is a savepoint of that.
   */
  async inside<T>(work: () => Promise<T>): Promise<T> {
    const isWithin = this.session.client.getTransactionStatus() === 'T';
    const [begin, end] = isWithin
      ? [
          'SAVEPOINT belay_reading; SET LOCAL transaction_read_only = on',
          'ROLLBACK TO SAVEPOINT belay_reading; RELEASE SAVEPOINT belay_reading',
        ]
      : ['BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', 'ROLLBACK'];
    await this.session.execute(begin, doing);
    try {
      // Who wants a strong lock has to wait for a count; a count never waits long for whoever has one.
      const settings = [
        "SET LOCAL lock_timeout = '2s'",
        'SET LOCAL row_security = off',
        // The first rows are shown, not those where somebody else is reading.
        'SET LOCAL synchronize_seqscans = off',
        ...usersOwn.map((name) => `SET LOCAL ${name} TO DEFAULT`),
      ];
      await this.session.execute(settings.join('; '), doing);
      return await work();
    } finally {
      await this.session.execute(end, doing).catch(() => {});
    }
  }

  /** The one row of a query, or why there is none. */
  async attempt(sql: string, options: AttemptOptions = {}): Promise<CountedRow | Refusal> {
    const rows = await this.attemptRows(sql, options);
    return rows instanceof Refusal ? rows : (rows[0] ?? {});
  }

  /** Rows of the last statement of a query, or why there are none. */
  async attemptRows(
    sql: string,
    options: AttemptOptions = {},
  ): Promise<readonly CountedRow[] | Refusal> {
    return this.within(options, async () => {
      const result = await this.session.client.query(sql);
      const last = Array.isArray(result) ? result.at(-1) : result;
      return last.rows as CountedRow[];
    });
  }

  /** Runs work in a savepoint, under the timeouts and the search path. */
  async within<T>(options: AttemptOptions, work: () => Promise<T>): Promise<T | Refusal> {
    const leftMs = options.isExtra ? Number.POSITIVE_INFINITY : this.leftMs;
    const timeoutMs = Math.min(options.timeoutMs ?? this.options.timeoutMs, leftMs);
    if (timeoutMs < 1) return new Refusal('57014', 'counting took too long altogether');
    if (this.options.signal?.aborted) throw new BelayError('INTERRUPTED', `interrupted ${doing}`);
    await this.session.execute('SAVEPOINT belay_counting', doing);
    try {
      await this.#set(options, timeoutMs);
      return await work();
    } catch (error) {
      return await this.#refusal(error, timeoutMs, options);
    } finally {
      if (this.session.client.getTransactionStatus() !== 'I') {
        await this.session
          .execute('ROLLBACK TO SAVEPOINT belay_counting; RELEASE SAVEPOINT belay_counting', doing)
          .catch(() => {});
      }
    }
  }

  async #set({ searchPath, isSerial }: AttemptOptions, timeoutMs: number): Promise<void> {
    const settings: [string, string][] = [['statement_timeout', `${Math.ceil(timeoutMs)}ms`]];
    if (searchPath != null) settings.push(['search_path', searchPath]);
    if (isSerial) settings.push(['max_parallel_workers_per_gather', '0']);
    const calls = settings.map(
      (_, i) => `pg_catalog.set_config($${2 * i + 1}, $${2 * i + 2}, true)`,
    );
    await this.session.query(`SELECT ${calls.join(', ')}`, settings.flat(), doing);
  }

  async #refusal(error: unknown, timeoutMs: number, options: AttemptOptions): Promise<Refusal> {
    const mapped = mapPostgresError(error, doing);
    const sqlState = sqlStateOf(mapped);
    // An abort cancels the query; that is no timeout.
    if (sqlState === undefined || isEnd(sqlState) || this.options.signal?.aborted) throw mapped;
    const why = whyOf(sqlState, Math.round(timeoutMs / 100) / 10);
    if (sqlState === '42501' && options.table && (await this.#hidesRows(options.table))) {
      return new Refusal(sqlState, 'row-level security hides rows of it from the role');
    }
    return new Refusal(sqlState, why);
  }

  async #hidesRows({ oid }: MeasuredTable): Promise<boolean> {
    await this.session.execute('ROLLBACK TO SAVEPOINT belay_counting', doing);
    const { hides } = await this.session.queryOne<{ hides: boolean | null }>(
      'SELECT pg_catalog.row_security_active($1::oid) AS hides',
      [oid],
      doing,
    );
    return hides === true;
  }
}

/** What FROM takes. */
export const source = ({ sql, only }: MeasuredTable): string => (only ? `ONLY ${sql}` : sql);

/** Numbers come as text: bigint is more than JavaScript's numbers hold. */
export function asNumber(value: unknown): number {
  return value === null || value === undefined ? 0 : Number(value);
}
