import type { Backend, BackendListener } from './backend.js';
import { type CarryOver, carryOver, carryOverFromMemory } from './carry-over.js';
import { changesSince, greeting } from './client-login.js';
import { ClientSide } from './client-side.js';
import { fatalResponse, terminated } from './error-response.js';
import { Farewell } from './farewell.js';
import { type OpenedRoute, type OpenRouteOptions, openRoute } from './open-route.js';
import type { GatewayRoute } from './routes.js';
import type { SessionHost, SessionOptions, SessionState } from './session-host.js';
import { SessionTracker } from './session-tracker.js';
import { takeLeave } from './survey-session.js';

/** One client and, behind it, the server process that it is led to now. */
export class GatewaySession implements BackendListener {
  readonly branch: string | null;
  readonly key: Buffer;
  readonly #host: SessionHost;
  readonly #client: ClientSide;
  readonly #options: SessionOptions;
  readonly #tracker = new SessionTracker();
  /** Until both sides are joined for the first time, it is on its way as well. */
  #state: SessionState = 'moving';
  #backend: Backend | undefined;
  #route: GatewayRoute | undefined;
  readonly #farewell = new Farewell();
  #settleTimer: NodeJS.Timeout | undefined;
  /** Of the host, when this session's route was asked for. */
  #generation = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#host = options.host;
    this.#client = new ClientSide(options.client);
    this.branch = options.branch;
    this.key = options.key;
    this.#tracker.onParameter = (body) => this.#backend?.noteParameter(body);
  }

  get route(): GatewayRoute | undefined {
    return this.#route;
  }

  get isIdle(): boolean {
    if (this.#options.isRaw) return false;
    return this.#state === 'detached' || (this.#state === 'relaying' && this.#tracker.isIdle);
  }

  /** Opens the server's side and joins both. @throws whatever kept it; the client is still to be told */
  async start(): Promise<void> {
    if (this.#client.socket.destroyed) this.#close();
    this.#client.socket.on('close', () => this.#close());
    this.#client.socket.on('end', () => this.#close());
    const { route, backend } = await this.#open({});
    if (this.#state === 'closed') {
      backend.end();
      return;
    }
    this.#client.socket.on('data', this.#onClientData);
    this.#client.socket.on('drain', () => {
      // While nobody listens, what comes would be lost.
      if (this.#isJoined) this.#backend?.socket.resume();
    });
    this.#client.socket.write(greeting(backend, this.key));
    this.#join(route, backend);
  }

  /** The current branch changes, and where it leads will be known in a moment: what is new waits for that. */
  anticipate(): void {
    if (this.#state === 'relaying') this.#tracker.isHolding = true;
  }

  /** Where the session has to be now. One that is on its way looks for itself when it has arrived. */
  reconsider(route: GatewayRoute | undefined): void {
    if (this.#route === undefined) return;
    if (this.#state !== 'relaying' && this.#state !== 'settling') return;
    if (route === undefined || route.key === this.#route.key) this.#stopSettling();
    else this.#startSettling();
  }

  /** Ends it as PostgreSQL does when it stops: those who wait for nothing first. */
  stop(): void {
    this.#fail(terminated('The gateway was stopped.'));
  }

  /** Passes the wish of another connection on. */
  async cancel(): Promise<void> {
    await this.#backend?.cancel();
  }

  get #isJoined(): boolean {
    return this.#state === 'relaying' || this.#state === 'settling';
  }

  #open(extra: Partial<OpenRouteOptions>): Promise<OpenedRoute> {
    const find = () => {
      this.#generation = this.#host.generation;
      return this.#options.open.find();
    };
    return openRoute({
      ...this.#options.open,
      find,
      ...extra,
      isWanted: () => this.#state !== 'closed',
    });
  }

  /** The server's side is as the client believes it: let them talk. */
  #join(route: GatewayRoute, backend: Backend): void {
    this.#setRoute(route);
    this.#backend = backend;
    this.#tracker.isHolding = false;
    this.#state = 'relaying';
    backend.attach(this);
    this.#release();
    if (this.branch === null && this.#generation !== this.#host.generation) {
      this.#tracker.isHolding = true;
      this.#host.lookAgain(this);
    }
  }

  /** Lets what waited go. */
  #release(): void {
    for (const chunk of this.#client.take()) this.#onClientData(chunk);
    this.#client.listen();
  }

  #setRoute(route: GatewayRoute | undefined): void {
    const before = this.#route;
    this.#route = route;
    if (before?.key !== route?.key) this.#host.onRoute(before, route);
  }

  readonly #onClientData = (chunk: Buffer): void => {
    // What is behind something that waits waits, too.
    if (!this.#isJoined || this.#farewell.isSaid || this.#client.waits) {
      this.#client.hold(chunk);
      if (this.#state === 'detached') void this.#revive();
      return;
    }
    const read = this.#options.isRaw
      ? chunk.length
      : this.#read(() => this.#tracker.client.read(chunk));
    if (read === undefined) return;
    if (read < chunk.length) this.#client.hold(chunk.subarray(read));
    if (read === 0) return;
    const passed = read === chunk.length ? chunk : chunk.subarray(0, read);
    if (this.#backend?.socket.write(passed) === false) this.#client.socket.pause();
  };

  /** @returns undefined: what came is no message, and the session has ended */
  #read(read: () => number): number | undefined {
    try {
      return read();
    } catch {
      this.#fail(terminated('What was sent is no message of the protocol.'));
      return undefined;
    }
  }

  onBackendDrain(): void {
    if (this.#isJoined) this.#client.listen();
  }

  onBackendData(chunk: Buffer): void {
    const tracker = this.#tracker;
    if (this.#options.isRaw) {
      this.#toClient(chunk);
      return;
    }
    if (this.#farewell.takes(chunk, () => tracker.isIdle)) return;
    const ready = tracker.readyCount;
    if (this.#read(() => tracker.server.read(chunk)) === undefined) return;
    this.#toClient(chunk);
    if (this.#state === 'settling' && tracker.readyCount !== ready) this.#settle();
  }

  #toClient(chunk: Buffer): void {
    if (!this.#client.socket.write(chunk)) this.#backend?.socket.pause();
  }

  onBackendClosed(backend: Backend): void {
    if (this.#state === 'closed' || backend !== this.#backend) return;
    this.#backend = undefined;
    const { bytes, isOfServer } = this.#farewell.end();
    const isQuiet = this.#tracker.isIdle && !this.#tracker.sawFatal && !this.#options.isFixed;
    if (!isQuiet || !isOfServer || !this.#tracker.memory.isComplete) {
      if (bytes.length > 0) this.#client.socket.write(bytes);
      this.#close();
      return;
    }
    clearTimeout(this.#settleTimer);
    this.#setRoute(undefined);
    this.#state = 'detached';
    // Whoever listens wants to hear; anybody else is led on when he speaks.
    if (this.#tracker.memory.listens || this.#client.waits) void this.#revive();
  }

  /** The client has not noticed that its server went away, and shall not. */
  async #revive(): Promise<void> {
    if (this.#state !== 'detached') return;
    this.#state = 'moving';
    await this.#continue(carryOverFromMemory(this.#tracker.memory), new Map());
  }

  #startSettling(): void {
    if (this.#state === 'relaying') {
      this.#state = 'settling';
      this.#tracker.isHolding = true;
      this.#settleTimer = setTimeout(
        () => this.#fail(terminated('What it was doing went on for too long after the switch.')),
        this.#host.switchWaitMs,
      );
    }
    this.#settle();
  }

  #stopSettling(): void {
    clearTimeout(this.#settleTimer);
    this.#state = 'relaying';
    this.#tracker.isHolding = false;
    this.#release();
  }

  /**
   * Goes as soon as nothing is outstanding. A transaction cannot go; its statement that runs may end, because it may be the
   * COMMIT, and nobody wants to guess what became of that.
   */
  #settle(): void {
    const { isFixed, isRaw } = this.#options;
    if (isRaw || (isFixed && this.#tracker.isIdle)) {
      this.#fail(
        terminated('The current branch changed, and this login cannot be repeated there.'),
      );
    } else if (this.#tracker.isIdle) {
      void this.#move();
    } else if (this.#tracker.waitsInTransaction) {
      this.#fail(terminated('The current branch changed while it was in a transaction.'));
    }
  }

  async #move(): Promise<void> {
    const backend = this.#backend;
    if (!backend) return;
    clearTimeout(this.#settleTimer);
    this.#state = 'moving';
    this.#client.socket.pause();
    backend.detach();
    await this.#host.inTurn(async () => {
      const before = new Map(backend.parameters);
      let carried: CarryOver;
      try {
        carried = await takeLeave(backend, this.#tracker.memory, this.#aside);
      } catch (error) {
        this.#fail(error);
        return;
      }
      // First gives up its place on the server: there may be none left for both.
      backend.end();
      this.#backend = undefined;
      await this.#continue(carried, before);
    });
  }

  /** On a new server process, as if nothing had been. */
  async #continue(carried: CarryOver, before: ReadonlyMap<string, string>): Promise<void> {
    let opened: OpenedRoute;
    try {
      opened = await this.#open({ waitsForPlace: true });
      await carryOver(opened.backend, carried, this.#aside);
    } catch (error) {
      this.#fail(error);
      return;
    }
    const { route, backend } = opened;
    if (this.#state === 'closed') {
      backend.end();
      return;
    }
    this.#client.socket.write(changesSince(before, backend));
    this.#join(route, backend);
  }

  readonly #aside = (bytes: Buffer): void => {
    this.#client.socket.write(bytes);
  };

  /** Ends both sides; the client is told why, unless it is in the middle of being told something else. */
  #fail(error: unknown): void {
    if (this.#state === 'closed') return;
    if (this.#tracker.server.atBoundary) this.#client.socket.write(fatalResponse(error));
    if (this.#tracker.isIdle) this.#backend?.end();
    else void this.#backend?.abandon();
    this.#backend = undefined;
    this.#close();
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#settleTimer);
    this.#backend?.drop();
    this.#backend = undefined;
    this.#client.end();
    this.#setRoute(undefined);
    this.#host.onClosed(this);
  }
}
