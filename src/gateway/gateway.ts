import { randomBytes } from 'node:crypto';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { type Reporter, silentReporter } from '../domain/reporter.js';
import { type AcceptedClient, acceptClient } from './accept-client.js';
import { checkPassword, PassThroughLogin } from './client-login.js';
import { branchOfDatabaseName } from './database-name.js';
import { FatalError, fatalResponse } from './error-response.js';
import {
  defaultGatewayPort,
  type Gateway,
  type GatewayConnection,
  type GatewayOptions,
} from './gateway-options.js';
import { GatewaySession } from './gateway-session.js';
import { checkLoopback, listenError, tlsContext } from './listen-address.js';
import { ConnectionEnded } from './message-inbox.js';
import { MoveQueue } from './move-queue.js';
import { RouteUsage } from './route-usage.js';
import type { GatewayRoute, GatewayRoutes } from './routes.js';
import { makeVerifier, type ScramVerifier } from './scram.js';
import type { HostedSession, SessionHost } from './session-host.js';

/**
 * Listens on loopback and leads each new connection to the current branch, or to the one that the database's name says
 * ("app@invoices"). When the current branch changes, idle sessions go along without noticing.
 *
 * @throws BelayError PORT_TAKEN, USAGE
 * @example
 * const gateway = await startGateway(routes, { user: 'app', password, port: 6543 });
 * console.log(gateway.url); // postgresql://app:…@127.0.0.1:6543/shop
 * await gateway.close();
 */
export async function startGateway(
  routes: GatewayRoutes,
  options: GatewayOptions,
): Promise<Gateway> {
  const host = options.host ?? '127.0.0.1';
  checkLoopback(host);
  const verifier = await makeVerifier(options.password);
  const running = new RunningGateway(routes, options, verifier);
  await running.listen(host, options.port ?? defaultGatewayPort);
  return running;
}

class RunningGateway implements Gateway, SessionHost {
  readonly switchWaitMs: number;
  readonly closed: Promise<void>;
  generation = 0;
  readonly #routes: GatewayRoutes;
  readonly #options: GatewayOptions;
  readonly #verifier: ScramVerifier;
  readonly #tls: SecureContext | undefined;
  readonly #server: net.Server;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Map<string, GatewaySession>();
  readonly #queue = new MoveQueue();
  readonly #usage: RouteUsage;
  readonly #reporter: Reporter;
  #stopWatching: () => void = () => {};
  #closing: Promise<void> | undefined;
  #onClosed: () => void = () => {};
  #host = '';

  constructor(routes: GatewayRoutes, options: GatewayOptions, verifier: ScramVerifier) {
    this.#routes = routes;
    this.#options = options;
    this.#verifier = verifier;
    this.#tls = tlsContext(options.tls);
    this.#reporter = options.reporter ?? silentReporter;
    this.#usage = new RouteUsage(routes);
    this.switchWaitMs = options.switchWaitMs ?? 5_000;
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.#server = net.createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000, highWaterMark: 256 * 1024 },
      (socket) => void this.#serve(socket),
    );
  }

  async listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) =>
        reject(listenError(error, port)),
      );
      this.#server.listen({ host, port, exclusive: true }, resolve);
    });
    this.#host = host;
    this.#server.on('error', (error) => {
      this.#reporter({ type: 'warning', message: `the gateway cannot accept: ${error.message}` });
    });
    this.#stopWatching = this.#routes.watch(() => void this.#onChanged());
    const { signal } = this.#options;
    if (signal?.aborted) await this.close();
    signal?.addEventListener('abort', () => void this.close(), { once: true });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  get url(): string {
    const { user, password } = this.#options;
    const who = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
    const where = `${this.#host.includes(':') ? `[${this.#host}]` : this.#host}:${this.port}`;
    return `postgresql://${who}@${where}/${encodeURIComponent(this.#routes.database)}`;
  }

  connections(): readonly GatewayConnection[] {
    return [...this.#sessions.values()].map((session) => ({
      branch: session.route?.branch ?? null,
      idle: session.isIdle,
    }));
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  onRoute(before: GatewayRoute | undefined, now: GatewayRoute | undefined): void {
    this.#usage.moved(before, now);
  }

  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#queue.inTurn(work);
  }

  onClosed(session: HostedSession): void {
    this.#sessions.delete(session.key.toString('hex'));
  }

  lookAgain(session: HostedSession): void {
    void this.#currentRoute().then((route) => session.reconsider(route));
  }

  async #onChanged(): Promise<void> {
    this.generation += 1;
    const { generation } = this;
    const followers = () => [...this.#sessions.values()].filter(({ branch }) => branch === null);
    for (const session of followers()) session.anticipate();
    const route = await this.#currentRoute();
    // A later change has the later word.
    if (generation !== this.generation) return;
    for (const session of followers()) session.reconsider(route);
  }

  /** Undefined: it leads nowhere now; who is somewhere stays there, and new ones are told. */
  async #currentRoute(): Promise<GatewayRoute | undefined> {
    try {
      return await this.#routes.find(null);
    } catch (error) {
      const message = `the current branch cannot be reached: ${(error as Error).message}`;
      this.#reporter({ type: 'warning', message });
      return undefined;
    }
  }

  async #serve(raw: Socket): Promise<void> {
    this.#sockets.add(raw);
    raw.on('error', () => {});
    raw.on('close', () => this.#sockets.delete(raw));
    let client = raw;
    const timer = setTimeout(() => raw.destroy(), this.#options.loginWaitMs ?? 10_000);
    try {
      const accepted = await acceptClient(raw, this.#tls, (encrypted) => {
        client = encrypted;
        client.on('error', () => {});
      });
      if (accepted.type === 'cancel') return await this.#cancel(accepted.key, raw);
      await this.#begin(accepted, timer);
    } catch (error) {
      if (!client.writable) raw.destroy();
      else if (error instanceof ConnectionEnded) client.end();
      else client.end(fatalResponse(error));
      client.resume();
      setTimeout(() => raw.destroy(), 2_000).unref();
    } finally {
      clearTimeout(timer);
    }
  }

  /** A key that was never given out is answered like one that was: not at all. */
  async #cancel(key: Buffer, socket: Socket): Promise<void> {
    try {
      await this.#sessions.get(key.toString('hex'))?.cancel();
    } finally {
      socket.destroy();
    }
  }

  async #begin(
    { socket, parameters }: Extract<AcceptedClient, { type: 'session' }>,
    timer: NodeJS.Timeout,
  ): Promise<void> {
    const limit = this.#options.maxConnections ?? 500;
    if (this.#sockets.size > limit) {
      throw new FatalError({ sqlState: '53300', message: 'sorry, too many clients already' });
    }
    if (this.#closing) {
      throw new FatalError({ sqlState: '57P03', message: 'the gateway is shutting down' });
    }
    const user = parameters.get('user') as string;
    const isOwn = user === this.#options.user;
    if (isOwn) await checkPassword(socket, user, this.#verifier);
    const branch = branchOfDatabaseName(parameters.get('database') || user, this.#routes.database);
    // Who the client is is known, or the server asks it: what follows may take as long as a server's start.
    if (isOwn) clearTimeout(timer);
    const replicates = !['', 'false', 'off', 'no', '0'].includes(
      parameters.get('replication') ?? '',
    );
    const session = new GatewaySession({
      ...{ host: this, client: socket, branch, key: this.#newKey() },
      isFixed: !isOwn || replicates,
      isRaw: replicates,
      open: {
        find: () => this.#routes.find(branch),
        parameters,
        passThrough: isOwn ? undefined : { user, login: new PassThroughLogin(socket) },
        startWaitMs: this.#options.startWaitMs ?? 30_000,
      },
    });
    this.#sessions.set(session.key.toString('hex'), session);
    try {
      await session.start();
    } catch (error) {
      this.onClosed(session);
      throw error;
    }
  }

  #newKey(): Buffer {
    const key = randomBytes(8);
    // A process id is positive; drivers keep it in a signed number.
    key[0] = (key[0] as number) & 0x7f;
    return this.#sessions.has(key.toString('hex')) ? this.#newKey() : key;
  }

  async #stop(): Promise<void> {
    this.#stopWatching();
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const deadline = performance.now() + (this.#options.stopWaitMs ?? 5_000);
    while (this.#sessions.size > 0 && performance.now() < deadline) {
      for (const session of this.#sessions.values()) if (session.isIdle) session.stop();
      if (this.#sessions.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const session of this.#sessions.values()) session.stop();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, 500);
    await stopped;
    clearTimeout(timer);
    this.#onClosed();
  }
}
