import { BelayError } from '../errors.js';
import type { ConnectionSettings } from './connection-settings.js';
import { Session } from './session.js';

export interface PoolOptions {
  /** Asked for each connection: a server that was started again may be elsewhere. */
  readonly settings: () => ConnectionSettings;
  readonly applicationName: string;
  /** Most connections at once; more work waits its turn. */
  readonly size: number;
  /** How long work may wait for a connection, and then how long it may take. Default 60 s each. */
  readonly timeoutMs?: number | undefined;
  /**
   * Asked where no connection could be made: true when it is worth one more attempt, e.g. because the server was started again.
   */
  readonly revive?: ((error: BelayError) => Promise<boolean>) | undefined;
}

interface Idle {
  readonly session: Session;
  /** By the monotonic clock. */
  readonly sinceMs: number;
}

interface Waiting {
  resolve(session: Session | undefined): void;
  reject(error: BelayError): void;
}

/** A connection that has rested longer is asked whether it still is one, before work is given to it. */
const trustedForMs = 1_000;
const pingTimeoutMs = 5_000;
/** Then a connection that nobody wants is closed: each costs the server a process. */
const keptIdleForMs = 30_000;
const defaultTimeoutMs = 60_000;

/** After these nobody can say in which state the connection is, or it leads to the wrong server. */
const breaksConnection = new Set(['SERVER_GONE', 'SERVER_UNREACHABLE', 'READ_ONLY_SERVER']);

/**
 * Connections to one database, made when they are needed and used again. One that was lost while it rested is replaced before
 * work gets it; one that was lost in the middle of work fails that work with SERVER_GONE, because nobody can know what was done.
 */
export class SessionPool {
  readonly #options: PoolOptions;
  readonly #timeoutMs: number;
  readonly #waiting: Waiting[] = [];
  readonly #lost = new WeakSet<Session>();
  readonly #sweeper: NodeJS.Timeout;
  #idle: Idle[] = [];
  #open = 0;
  /** Where one was lost, those that rest may be lost too. */
  #lostAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    this.#sweeper = setInterval(() => this.#closeIdle(), keptIdleForMs / 2);
    this.#sweeper.unref();
  }

  /**
   * Gives work a connection that nobody else uses meanwhile.
   * @param timeoutMs bound for the work, after which its connection is cut
   * @throws BelayError SERVER_UNREACHABLE, SERVER_GONE, TOO_MANY_CONNECTIONS, AUTHENTICATION_FAILED, and what the work throws
   */
  async run<T>(work: (session: Session) => Promise<T>, timeoutMs = this.#timeoutMs): Promise<T> {
    const session = await this.#acquire();
    let broken = false;
    try {
      return await withinTime(session, timeoutMs, () => work(session));
    } catch (error) {
      broken = error instanceof BelayError && breaksConnection.has(error.code);
      if (broken) this.#lostAtMs = performance.now();
      throw error;
    } finally {
      this.#release(session, broken);
    }
  }

  /** Ends what rests now, and the others as soon as their work is done. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweeper);
    for (const { reject } of this.#waiting.splice(0)) reject(closedError());
    const idle = this.#idle.splice(0);
    this.#open -= idle.length;
    await Promise.all(idle.map(({ session }) => session.close()));
  }

  async #acquire(): Promise<Session> {
    for (;;) {
      if (this.#closed) throw closedError();
      const idle = this.#idle.pop();
      if (idle) {
        if (await this.#isAlive(idle)) return idle.session;
        this.#discard(idle.session);
      } else if (this.#open < this.#options.size) {
        return await this.#connect();
      } else {
        const session = await this.#waitForOne();
        if (session) return session;
      }
    }
  }

  async #isAlive({ session, sinceMs }: Idle): Promise<boolean> {
    if (this.#lost.has(session)) return false;
    const isTrusted = sinceMs > this.#lostAtMs && performance.now() - sinceMs < trustedForMs;
    if (isTrusted) return true;
    return withinTime(session, pingTimeoutMs, () => session.query('SELECT 1')).then(
      () => true,
      () => false,
    );
  }

  async #connect(): Promise<Session> {
    this.#open += 1;
    try {
      const session = await this.#openSession();
      session.client.once('end', () => this.#forget(session));
      return session;
    } catch (error) {
      this.#open -= 1;
      this.#offerRoom();
      throw error;
    }
  }

  async #openSession(): Promise<Session> {
    const { settings, applicationName, revive } = this.#options;
    try {
      return await Session.open(settings(), { applicationName });
    } catch (error) {
      const isAway = error instanceof BelayError && breaksConnection.has(error.code);
      if (!revive || this.#closed || !isAway || !(await revive(error))) throw error;
      return Session.open(settings(), { applicationName });
    }
  }

  /** @returns undefined where there is room for a new connection instead */
  #waitForOne(): Promise<Session | undefined> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { resolve, reject };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(busyError(this.#options.size, this.#timeoutMs));
      }, this.#timeoutMs);
      waiting.resolve = (session) => {
        clearTimeout(timer);
        resolve(session);
      };
      waiting.reject = (error) => {
        clearTimeout(timer);
        reject(error);
      };
      this.#waiting.push(waiting);
    });
  }

  #release(session: Session, broken: boolean): void {
    if (broken || this.#closed || this.#lost.has(session)) {
      this.#discard(session);
      return;
    }
    const next = this.#waiting.shift();
    if (next) next.resolve(session);
    else this.#idle.push({ session, sinceMs: performance.now() });
  }

  #discard(session: Session): void {
    this.#open -= 1;
    this.#offerRoom();
    // Of a connection that is dead or cut, the polite end may never be answered.
    void withinTime(session, pingTimeoutMs, () => session.close()).catch(() => {});
  }

  #offerRoom(): void {
    this.#waiting.shift()?.resolve(undefined);
  }

  /** The connection has ended by itself. One that is at work is discarded when the work is over. */
  #forget(session: Session): void {
    this.#lost.add(session);
    const at = this.#idle.findIndex((idle) => idle.session === session);
    if (at < 0) return;
    this.#idle.splice(at, 1);
    this.#discard(session);
  }

  #closeIdle(): void {
    const since = performance.now() - keptIdleForMs;
    const [old, rest] = [
      this.#idle.filter(({ sinceMs }) => sinceMs < since),
      this.#idle.filter(({ sinceMs }) => sinceMs >= since),
    ];
    this.#idle = rest;
    for (const { session } of old) this.#discard(session);
  }
}

/** Cuts the connection where an answer does not come: a network that drops packets says nothing for many minutes. */
async function withinTime<T>(
  session: Session,
  timeoutMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const timer = setTimeout(() => cut(session), timeoutMs);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}

/** Ends a session's socket at once; what waits for an answer on it fails with SERVER_GONE. */
export function cut(session: Session): void {
  // Of `pg`, and not in its types.
  const { connection } = session.client as unknown as {
    connection: { stream: { destroy(): void } };
  };
  connection.stream.destroy();
}

function closedError(): BelayError {
  return new BelayError('SERVER_GONE', 'the connections to the server were closed', {
    hint: 'The program is ending.',
  });
}

function busyError(size: number, timeoutMs: number): BelayError {
  return new BelayError(
    'TOO_MANY_CONNECTIONS',
    `none of ${size} connections became free within ${timeoutMs / 1000} s`,
    { hint: 'The server is slow or overloaded; try again later.' },
  );
}
