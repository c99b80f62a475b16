import { BelayError } from '../errors.js';
import { giveBack, makeTaken, replaceTaken, takeReady } from '../features/test-database/copies.js';
import { connectionUrl } from '../postgres/settings.js';
import type { TestDatabase, TestDatabases, TestDatabasesOptions } from './options.js';
import { describeOwner, keepingAlive, Pool } from './pool.js';

/**
 * Databases for tests: each a copy of a template that was migrated once. The template stays on the server and is known
 * by the fingerprint of the migrations, so the next run begins with it.
 *
 * @example
 * const databases = testDatabases({ migrations: 'db/migrations', seed: 'test/seed.sql' });
 * const db = await databases.take();
 * try {
 *   await app(db.url);
 * } finally {
 *   await db.release();
 *   await databases.close();
 * }
 */
export function testDatabases(options: TestDatabasesOptions): TestDatabases {
  return new Databases(options);
}

class Databases implements TestDatabases {
  readonly #options: TestDatabasesOptions;
  readonly #owner: string;
  readonly #taken = new Set<Taken>();
  #pool: Promise<Pool> | undefined;

  constructor(options: TestDatabasesOptions) {
    this.#options = options;
    this.#owner = describeOwner(options.env ?? process.env);
  }

  take(): Promise<TestDatabase> {
    return keepingAlive(async () => {
      const pool = await this.#open();
      const name =
        (await takeReady(pool.main, pool.template, this.#owner)) ??
        (await makeTaken(pool.main, pool.template, this.#owner));
      const taken = new Taken(pool, name, this.#owner, () => this.#taken.delete(taken));
      this.#taken.add(taken);
      pool.startFilling();
      return taken;
    });
  }

  prepare(): Promise<void> {
    return keepingAlive(async () => (await this.#open()).fill());
  }

  close(): Promise<void> {
    return keepingAlive(async () => {
      const opening = this.#pool;
      this.#pool = undefined;
      const pool = await opening?.catch(() => undefined);
      if (!pool) return;
      for (const taken of [...this.#taken]) await taken.release().catch(() => {});
      await pool.close();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #open(): Promise<Pool> {
    this.#pool ??= Pool.open(this.#options).catch((error) => {
      // So that the next one tries again.
      this.#pool = undefined;
      throw error;
    });
    return this.#pool;
  }
}

class Taken implements TestDatabase {
  readonly url: string;
  readonly database: string;
  readonly #pool: Pool;
  readonly #owner: string;
  readonly #onRelease: () => void;
  #released: Promise<void> | undefined;
  /** Two resets at once would both rename the same database. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(pool: Pool, database: string, owner: string, onRelease: () => void) {
    this.#pool = pool;
    this.#owner = owner;
    this.#onRelease = onRelease;
    this.database = database;
    this.url = connectionUrl(pool.server.settings, { database, withPassword: true });
  }

  reset(): Promise<void> {
    if (this.#released) return Promise.reject(released(this.database));
    const { main, template } = this.#pool;
    const done = this.#last.then(() =>
      keepingAlive(() => replaceTaken(main, template, this.database, this.#owner)),
    );
    this.#last = done.catch(() => {});
    done.then(
      () => this.#pool.startFilling(),
      () => {},
    );
    return done;
  }

  release(): Promise<void> {
    this.#released ??= this.#last.then(() => keepingAlive(() => this.#release()));
    return this.#released;
  }

  async #release(): Promise<void> {
    this.#onRelease();
    await giveBack(this.#pool.main, this.#pool.template, this.database);
    this.#pool.startFilling();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}

function released(database: string): BelayError {
  return new BelayError('USAGE', `the test database "${database}" was given back already`, {
    hint: 'Take another one.',
  });
}
