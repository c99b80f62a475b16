import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentReporter } from '../domain/reporter.js';
import { BelayError } from '../errors.js';
import { endClaim, tryClaim } from '../features/test-database/claim.js';
import { countReady, makeReady, type TestTemplate } from '../features/test-database/copies.js';
import { removeReady, removeTestLeftovers } from '../features/test-database/remove.js';
import { obtainTemplate } from '../features/test-database/template.js';
import { Session } from '../postgres/session.js';
import { readRecipe } from './fingerprint.js';
import type { TestDatabasesOptions } from './options.js';
import { findTestServer, type TestServer } from './test-server.js';

const defaultPool = 4;
const defaultKeep = 3;
const defaultWaitMs = 10 * 60_000;
/** Workers that start together may need more connections than the server has, for a moment. */
const connectAttempts = 6;
const firstPauseMs = 100;
/** While one process keeps the pool filled for all, it looks this often. */
const watchMs = 100;
/** Removing a database makes the server write out all that is dirty: not after each test, and not while one begins. */
const sweepMs = 2000;
/** How long {@link Pool.fill} waits for another process that fills. */
const patienceMs = 60_000;

/** Keeps the process alive while it waits for an answer; the connections themselves don't. */
export async function keepingAlive<T>(work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 60_000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** This process as records name it, for people. */
export function describeOwner(env: NodeJS.ProcessEnv): string {
  const worker = env.VITEST_POOL_ID ?? env.JEST_WORKER_ID;
  const suffix = worker === undefined ? '' : `, worker ${worker}`;
  return `${process.pid}@${hostname()}${suffix}`;
}

/** A server with a template: what a process needs in order to take databases, and to prepare some. */
export class Pool {
  readonly server: TestServer;
  /** Holds the claims of what this process has taken. */
  readonly main: Session;
  readonly template: TestTemplate;
  readonly #size: number;
  /** Prepares and removes meanwhile. */
  #filler: Promise<Session> | undefined;
  #filling: Promise<void> | undefined;
  #watching: Promise<void> | undefined;
  #isClosing = false;
  /** It is for this process to fill. */
  #hasTask = false;

  private constructor(
    server: TestServer,
    main: Session,
    template: TestTemplate,
    options: TestDatabasesOptions,
  ) {
    this.server = server;
    this.main = main;
    this.template = template;
    this.#size = options.pool ?? defaultPool;
  }

  static async open(options: TestDatabasesOptions): Promise<Pool> {
    const { reporter = silentReporter } = options;
    const server = await findTestServer(options);
    let main: Session | undefined;
    try {
      const session = await openSession(server);
      main = session;
      const { user } = await session.queryOne<{ user: string }>(
        'SELECT current_user::text AS user',
      );
      const major = Math.floor(session.serverVersion / 10000);
      const { fingerprint, project, build } = await readRecipe(options, { major, user });
      const { template, built } = await obtainTemplate(session, {
        ...{ fingerprint, project, build, settings: server.settings, reporter },
        openHelper: () => openSession(server, session.database),
        waitMs: options.waitMs ?? defaultWaitMs,
        keep: options.keepTemplates ?? defaultKeep,
      });
      if (built) await removeTestLeftovers(session);
      return new Pool(server, session, template, options);
    } catch (error) {
      await main?.close();
      await server.stop();
      throw error;
    }
  }

  /** Prepares what is missing and removes what was used, in the background and one process at a time. */
  startFilling(): void {
    if (this.#filling || this.#isClosing || this.#watching) return;
    this.#filling = this.#fillAsOne()
      // What could not be prepared is made when it is needed, and that failure is told.
      .catch(() => {})
      .finally(() => {
        this.#filling = undefined;
      });
  }

  /** Waits until the pool is full, whoever fills it. */
  async fill(): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!this.#isClosing && (await countReady(this.main, this.template)) < this.#size) {
      await this.#filling;
      await this.#fillAsOne();
      if (performance.now() > deadline) return;
      if ((await countReady(this.main, this.template)) < this.#size) await sleep(watchMs);
    }
  }

  /**
   * Keeps the pool filled and used databases removed until it is closed: processes that take need not do it. Where another
   * run does it for the same template already, this one is there for when that ends.
   */
  async watch(): Promise<void> {
    await this.fill();
    const filler = await this.#openFiller();
    this.#watching = this.#keepFilled(filler);
  }

  async #keepFilled(filler: Session): Promise<void> {
    let sweptAt = performance.now();
    while (!this.#isClosing) {
      try {
        this.#hasTask ||= await tryClaim(filler, this.#task());
        if (this.#hasTask) await this.#fill(filler);
        if (this.#hasTask && performance.now() - sweptAt > sweepMs) {
          await removeTestLeftovers(filler);
          sweptAt = performance.now();
        }
      } catch {
        // E.g. a full disk: whoever takes makes one, and is told then. Another try, but not at once.
        await sleep(sweepMs / 2, undefined, { ref: false });
      }
      await sleep(watchMs, undefined, { ref: false });
    }
  }

  async #fillAsOne(): Promise<void> {
    const filler = await this.#openFiller();
    if (!(await tryClaim(filler, this.#task()))) return;
    try {
      await this.#fill(filler);
      await removeTestLeftovers(filler);
    } finally {
      await endClaim(filler, this.#task());
    }
  }

  async #fill(filler: Session): Promise<void> {
    while (!this.#isClosing && (await countReady(filler, this.template)) < this.#size) {
      await makeReady(filler, this.template, (database) => openSession(this.server, database));
    }
  }

  /** Claimed by whoever fills: several at once would only slow the tests down. */
  #task(): string {
    return `filling of ${this.template.name}`;
  }

  #openFiller(): Promise<Session> {
    this.#filler ??= openSession(this.server, this.main.database).catch((error) => {
      this.#filler = undefined;
      throw error;
    });
    return this.#filler;
  }

  /**
   * Ends what is done in the background, after the statement that runs now, and removes what was used.
   * @param keepReady what is prepared stays for the next process; else it is removed
   */
  async close({ keepReady = true } = {}): Promise<void> {
    this.#isClosing = true;
    await this.#filling;
    await this.#watching;
    try {
      if (!this.server.isOwn) await this.#tidy(keepReady);
    } finally {
      await (await this.#filler?.catch(() => undefined))?.close();
      await this.main.close();
      await this.server.stop();
    }
  }

  async #tidy(keepReady: boolean): Promise<void> {
    const filler = await this.#openFiller();
    if (!keepReady) await removeReady(filler, this.template.fingerprint);
    // Where another process has the task, it removes them.
    if (this.#hasTask || (await tryClaim(filler, this.#task()))) await removeTestLeftovers(filler);
  }
}

/** A session on the maintenance database, where all that use test databases on a server must meet. */
async function openSession(server: TestServer, database?: string): Promise<Session> {
  const { settings, maintenanceDatabase } = server;
  if (database !== undefined) return connect(server, database);
  if (maintenanceDatabase !== undefined) return connect(server, maintenanceDatabase);
  try {
    return await connect(server, 'postgres');
  } catch (error) {
    const isElsewhere =
      error instanceof BelayError && ['TARGET_NOT_FOUND', 'PERMISSION_DENIED'].includes(error.code);
    if (!isElsewhere) throw error;
    return connect(server, settings.database);
  }
}

async function connect({ settings }: TestServer, database: string): Promise<Session> {
  const applicationName = `belay test databases ${describeOwner(process.env)}`.slice(0, 63);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const session = await Session.open(settings, { database, applicationName });
      session.unref();
      // Nothing waits for the disk: a crash of the server that forgets who took a database forgets what they wrote, too.
      await session.execute('SET synchronous_commit = off', 'setting up');
      return session;
    } catch (error) {
      if (!(error instanceof BelayError) || error.code !== 'TOO_MANY_CONNECTIONS') throw error;
      if (attempt === connectAttempts) throw tooMany(error);
      await sleep(firstPauseMs * 2 ** (attempt - 1) * (0.5 + Math.random()));
    }
  }
}

function tooMany(error: BelayError): BelayError {
  return new BelayError('TOO_MANY_CONNECTIONS', error.message, {
    hint: 'Each test process needs two connections beside those of its tests: run fewer workers at once, close pools of connections after each test, or raise max_connections.',
    details: error.details,
    cause: error,
  });
}
