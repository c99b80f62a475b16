import pg from 'pg';
import { BelayError } from '../errors.js';
import { type ConnectOptions, connectClient } from './connect.js';
import { mapPostgresError } from './pg-error.js';
import type { ConnectionSettings } from './settings.js';

export const quoteIdentifier = pg.escapeIdentifier;
export const quoteLiteral = pg.escapeLiteral;

/**
 * Settings that make answers the same everywhere: names printed in full, no surprises from the
 * user's `ALTER ROLE … SET`, and RLS fails loudly instead of hiding rows. A server that ends idle sessions or
 * long transactions (17 and later) would take the lock away while a large copy is counted.
 */
const sessionDefaults = `
  SET search_path = pg_catalog;
  SET row_security = off;
  SET statement_timeout = 0;
  SET lock_timeout = '10s';
  SET idle_in_transaction_session_timeout = 0;
  SET default_transaction_read_only = off;
  SET DateStyle = ISO;
  SET IntervalStyle = postgres;
  SET TimeZone = UTC;
  SET extra_float_digits = 1;
  SET bytea_output = hex;
  SET quote_all_identifiers = off;
  SET standard_conforming_strings = on;
  SET client_encoding = 'UTF8';
  SELECT set_config(name, '0', false)
    FROM unnest(ARRAY['idle_session_timeout', 'transaction_timeout']) AS name
   WHERE current_setting(name, true) <> '0';
`;

/** A connection that ends before it is one was never lost: the server is out of reach. */
function neverConnected(error: BelayError): BelayError {
  if (error.code !== 'SERVER_GONE') return error;
  const why = error.cause instanceof Error ? error.cause.message : 'the connection was closed';
  return new BelayError('SERVER_UNREACHABLE', `cannot connect to the server: ${why}`, {
    hint: 'Is it running, and is the address right? `belay local start` runs one for you.',
    cause: error.cause,
  });
}

/** One connection with errors mapped to BelayError. Queries run one after another. */
export class Session {
  readonly pid: number;
  readonly database: string;
  /** e.g. 150018 for 15.18. */
  readonly serverVersion: number;
  readonly #client: pg.Client;
  #closed = false;

  private constructor(client: pg.Client, pid: number, database: string, serverVersion: number) {
    this.#client = client;
    this.pid = pid;
    this.database = database;
    this.serverVersion = serverVersion;
  }

  static async open(settings: ConnectionSettings, options: ConnectOptions): Promise<Session> {
    const database = options.database ?? settings.database;
    const doing = `connecting to database "${database}"`;
    let client: pg.Client | undefined;
    try {
      client = await connectClient(settings, options);
      await client.query(sessionDefaults);
      const { rows } = await client.query(
        `SELECT pg_backend_pid() AS pid, current_setting('server_version_num')::int AS version`,
      );
      return new Session(client, rows[0].pid, database, rows[0].version);
    } catch (error) {
      await client?.end().catch(() => {});
      throw neverConnected(mapPostgresError(error, doing));
    }
  }

  /**
   * Runs one query and gives its rows. Without parameters the simple protocol is used, so that
   * statements that refuse a transaction block (CREATE DATABASE) work.
   * @param doing what the query is for, as it reads after "while"
   */
  async query<Row extends object>(
    sql: string,
    parameters: unknown[] = [],
    doing = 'reading the catalog',
  ) {
    try {
      const result = await (parameters.length > 0
        ? this.#client.query<Row & pg.QueryResultRow>(sql, parameters)
        : this.#client.query<Row & pg.QueryResultRow>(sql));
      return result.rows as Row[];
    } catch (error) {
      throw mapPostgresError(error, doing);
    }
  }

  /** The one row of a query that cannot give another number of rows. */
  async queryOne<Row extends object>(
    sql: string,
    parameters: unknown[] = [],
    doing?: string,
  ): Promise<Row> {
    const rows = await this.query<Row>(sql, parameters, doing);
    const [row] = rows;
    if (!row) throw new BelayError('BUG', `a query that gives one row gave none: ${sql}`);
    return row;
  }

  /** Runs statements for their effect. */
  async execute(sql: string, doing: string): Promise<void> {
    await this.query(sql, [], doing);
  }

  /** Runs one statement. @returns how many rows it has changed or given; null where it is about no rows */
  async run(sql: string, doing: string): Promise<number | null> {
    try {
      return (await this.#client.query(sql)).rowCount;
    } catch (error) {
      throw mapPostgresError(error, doing);
    }
  }

  /** Runs work in a transaction: commits when it resolves, rolls back when it throws. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.execute('BEGIN', 'beginning a transaction');
    try {
      const result = await work();
      await this.execute('COMMIT', 'committing');
      return result;
    } catch (error) {
      await this.#client.query('ROLLBACK').catch(() => {});
      throw error;
    }
  }

  /** Puts back the settings that every session begins with, whatever was set since. Also in a transaction. */
  async resetSettings(): Promise<void> {
    await this.execute(`RESET ALL;${sessionDefaults}`, 'putting back the settings');
  }

  /** The client itself, for cursors. */
  get client(): pg.Client {
    return this.#client;
  }

  /** Lets the process end while the session is open; whoever waits for an answer has to keep it alive. */
  unref(): void {
    // Of `pg`, and not in its types.
    (this.#client as pg.Client & { unref(): void }).unref();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#client.end().catch(() => {});
  }
}
