import { BelayError } from '../errors.js';
import type { TestDatabase, TestDatabases } from './options.js';

type Hook = (work: () => Promise<void>, timeoutMs?: number) => unknown;

/** Hooks of a test runner. `before` and `after` are what node:test calls `beforeAll` and `afterAll`. */
export interface TestHooks {
  readonly beforeAll?: Hook | undefined;
  readonly afterAll?: Hook | undefined;
  readonly before?: Hook | undefined;
  readonly after?: Hook | undefined;
  readonly beforeEach?: Hook | undefined;
  readonly afterEach?: Hook | undefined;
}

export interface UseTestDatabaseOptions {
  /**
   * "file" (default): one database for all tests of the file. "test": each test has a database of its own, with a URL of its
   * own. "reset": each test finds a fresh one under the URL of the file.
   */
  readonly per?: 'file' | 'test' | 'reset' | undefined;
  /** Default: the globals of Vitest (with `globals: true`) and Jest. For node:test give its module's functions. */
  readonly hooks?: TestHooks | undefined;
  /** A variable that holds the URL while the database is there, e.g. "DATABASE_URL". */
  readonly variable?: string | undefined;
}

/** The database of the test that runs now. */
export interface CurrentTestDatabase {
  readonly url: string;
  readonly database: string;
  reset(): Promise<void>;
}

/** Making the template may take as long as the migrations; runners give a hook 5 or 10 seconds. */
const hookTimeoutMs = 10 * 60_000;

/**
 * Gives each file, or each test, a database of its own, and takes it away afterwards.
 *
 * @example
 * const databases = testDatabases({ migrations: 'db/migrations' });
 * const db = useTestDatabase(databases, { per: 'test' });
 *
 * test('a new order', async () => {
 *   const client = new Client({ connectionString: db.url });
 * });
 */
export function useTestDatabase(
  databases: TestDatabases,
  options: UseTestDatabaseOptions = {},
): CurrentTestDatabase {
  const { per = 'file', variable } = options;
  const hooks = findHooks(options.hooks);
  const current = new Current(variable);
  if (per === 'test') {
    hooks.beforeEach(async () => current.use(await databases.take()), hookTimeoutMs);
    hooks.afterEach(() => current.end(), hookTimeoutMs);
  } else {
    hooks.beforeAll(async () => current.use(await databases.take()), hookTimeoutMs);
    // Before the next test and not after the last: that one's would be for nobody.
    if (per === 'reset') hooks.beforeEach(() => current.refresh(), hookTimeoutMs);
  }
  hooks.afterAll(async () => {
    await current.end();
    await databases.close();
  }, hookTimeoutMs);
  return current;
}

class Current implements CurrentTestDatabase {
  readonly #variable: string | undefined;
  #database: TestDatabase | undefined;
  #before: string | undefined;
  #isFresh = false;

  constructor(variable: string | undefined) {
    this.#variable = variable;
  }

  get url(): string {
    return this.#require().url;
  }

  get database(): string {
    return this.#require().database;
  }

  reset(): Promise<void> {
    return this.#require().reset();
  }

  use(database: TestDatabase): void {
    this.#database = database;
    this.#isFresh = true;
    if (this.#variable === undefined) return;
    this.#before = process.env[this.#variable];
    process.env[this.#variable] = database.url;
  }

  /** Resets it unless no test has had it. */
  async refresh(): Promise<void> {
    if (!this.#isFresh) await this.reset();
    this.#isFresh = false;
  }

  async end(): Promise<void> {
    const database = this.#database;
    if (!database) return;
    this.#database = undefined;
    if (this.#variable !== undefined) {
      if (this.#before === undefined) delete process.env[this.#variable];
      else process.env[this.#variable] = this.#before;
    }
    await database.release();
  }

  #require(): TestDatabase {
    if (this.#database) return this.#database;
    throw new BelayError('USAGE', 'there is no test database now', {
      hint: 'It is there while a test runs: read `url` in a test or a later hook, not while the file is loaded.',
    });
  }
}

type NeededHooks = Record<'beforeAll' | 'afterAll' | 'beforeEach' | 'afterEach', Hook>;

function findHooks(given: TestHooks | undefined): NeededHooks {
  const source: TestHooks = given ?? (globalThis as TestHooks);
  const all = {
    beforeAll: source.beforeAll ?? (source.before && withOptions(source.before)),
    afterAll: source.afterAll ?? (source.after && withOptions(source.after)),
    // node:test is known by `before`; there the time is an option.
    beforeEach: isNodeTest(source) ? withOptions(source.beforeEach) : source.beforeEach,
    afterEach: isNodeTest(source) ? withOptions(source.afterEach) : source.afterEach,
  };
  const missing = Object.entries(all).flatMap(([name, hook]) => (hook ? [] : [name]));
  if (missing.length === 0) return all as NeededHooks;
  throw new BelayError('USAGE', `there is no ${missing.join(', ')} to hook into`, {
    hint: 'Give them: hooks: { beforeAll, afterAll, beforeEach, afterEach } from "vitest" or "@jest/globals", or { before, after, beforeEach, afterEach } from "node:test".',
  });
}

const isNodeTest = (hooks: TestHooks) => !hooks.beforeAll && hooks.before !== undefined;

function withOptions(hook: Hook | undefined): Hook | undefined {
  if (!hook) return undefined;
  return (work, timeoutMs) =>
    (hook as unknown as (work: () => Promise<void>, options: object) => unknown)(work, {
      timeout: timeoutMs,
    });
}
