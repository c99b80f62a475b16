import type { Reporter } from '../domain/reporter.js';

/** A program and its arguments; no shell is involved. */
export type TestCommand = readonly [string, ...string[]];

/**
 * One step on the way from an empty database to the one that tests start from:
 *
 * - a path: a folder of SQL migrations as `belay migrate` reads them, or one `.sql` file
 * - `sql`: statements
 * - `command`: a migration tool. It gets the URL in `DATABASE_URL` (or `variable`); `files` are what it reads
 * - `run`: a function. It cannot be looked into: `key` or `files` have to change whenever it does something else
 *
 * Paths start at `cwd`. `files` may hold `*`, `?` and `**`.
 */
export type TestDatabaseStep =
  | string
  | { readonly sql: string }
  | {
      readonly command: TestCommand;
      readonly files: readonly string[];
      /** Default "DATABASE_URL". */
      readonly variable?: string | undefined;
      readonly env?: Readonly<Record<string, string>> | undefined;
      /** Default 10 minutes. */
      readonly timeoutMs?: number | undefined;
    }
  | {
      readonly run: (url: string) => Promise<unknown>;
      readonly key?: string | undefined;
      readonly files?: readonly string[] | undefined;
    };

export interface TestDatabasesOptions {
  /**
   * The server, as the URL of any database on it; that database itself is not touched. Default: `BELAY_TEST_URL`, else
   * `DATABASE_URL` (both also from `.env`), else a throwaway server of Belay's own.
   */
  readonly url?: string | undefined;
  /** "own": a throwaway server of Belay's own, whatever variables say. */
  readonly server?: 'own' | undefined;
  /** Of the own server; default: the newest on this machine. */
  readonly major?: number | undefined;
  /**
   * Host of a server that is not this machine and may be used all the same, e.g. "postgres" in a pipeline. Not needed for
   * `BELAY_TEST_URL`, nor where `belay.config.json` marks it as development.
   */
  readonly allowServer?: string | undefined;
  /** What makes the schema. */
  readonly migrations: TestDatabaseStep | readonly TestDatabaseStep[];
  /** What every test finds in it. */
  readonly seed?: TestDatabaseStep | readonly TestDatabaseStep[] | undefined;
  /** How many databases are prepared ahead; default 4. */
  readonly pool?: number | undefined;
  /** How many templates of this project stay on the server, e.g. for other git branches; default 3. */
  readonly keepTemplates?: number | undefined;
  /** Name of the project; default: its folder. */
  readonly project?: string | undefined;
  /** Default: the working directory. */
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** How long to wait for another process that migrates the template; default 10 minutes. */
  readonly waitMs?: number | undefined;
  /** Is told of what takes time. Default: silent. */
  readonly reporter?: Reporter | undefined;
}

/** A database of one test, or of one file of tests. */
export interface TestDatabase extends AsyncDisposable {
  /** Holds the password. */
  readonly url: string;
  readonly database: string;
  /**
   * Puts a fresh one into its place: the URL stays, all that tests wrote is gone. Sessions in it are ended, so clients
   * have to connect again.
   */
  reset(): Promise<void>;
  /** Gives it back; it is removed. Sessions in it are ended. */
  release(): Promise<void>;
}

/** Databases for tests, all alike. */
export interface TestDatabases extends AsyncDisposable {
  /**
   * A database for the caller alone, from the pool where one is ready.
   * @throws BelayError MIGRATION_FAILED, PRODUCTION_GUARD, TOO_MANY_CONNECTIONS, …
   */
  take(): Promise<TestDatabase>;
  /** Makes the template if it is not there, and fills the pool. */
  prepare(): Promise<void>;
  /** Gives back all that is taken and closes the connections. Taking again opens them again. */
  close(): Promise<void>;
}
