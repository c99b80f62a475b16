import type { Socket } from 'node:net';
import type { Backend, BackendListener } from './backend.js';
import { type CarryOver, carryOver, carryOverFromMemory } from './carry-over.js';
import { changesSince, greeting } from './client-login.js';
import { fatalResponse, terminated } from './error-response.js';
import { Farewell } from './farewell.js';
import { type OpenedRoute, type OpenRouteOptions, openRoute } from './open-route.js';
import type { GatewayRoute } from './routes.js';
import type { SessionHost, SessionOptions } from './session-host.js';
import { SessionTracker } from './session-tracker.js';
import { takeLeave } from './survey-session.js';

/**
 * relaying: both sides are joined. settling: a move is wanted, and what runs may end. moving: the client waits.
 * detached: the server went away and the client has not noticed. closed: the end.
 */
type State = 'relaying' | 'settling' | 'moving' | 'detached' | 'closed';

/** One client and, behind it, the server process that it is led to now. */
export class GatewaySession implements BackendListener {
  readonly branch: string | null;
  readonly key: Buffer;
  readonly #host: SessionHost;
  readonly #client: Socket;
  readonly #options: SessionOptions;
  readonly #tracker = new SessionTracker();
  /** Until both sides are joined for the first time, it is on its way as well. */
  #state: State = 'moving';
  #backend: Backend | undefined;
  #route: GatewayRoute | undefined;
  /** What the client said and nobody has been told. */
  #held: Buffer[] = [];
  readonly #farewell = new Farewell();
  #settleTimer: NodeJS.Timeout | undefined;
  /** Of the host, when this session's route was asked for. */
  #generation = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#host = options.host;
    this.#client = options.client;
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
    const onClientGone = () => this.#close();
    if (this.#client.destroyed) {
      this.#close();
      return;
    }
    this.#client.on('close', onClientGone);
    this.#client.on('end', onClientGone);
    const { route, backend } = await this.#open({});
    if (this.#isClosed) {
      backend.end();
      return;
    }
    this.#client.on('data', this.#onClientData);
    this.#client.on('drain', () => {
      // While nobody listens, what comes would be lost.
      if (this.#isJoined) this.#backend?.socket.resume();
    });
    this.#client.write(greeting(backend, this.key));
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

  get #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #open(extra: Partial<OpenRouteOptions>): Promise<OpenedRoute> {
    const find = () => {
      this.#generation = this.#host.generation;
      return this.#options.open.find();
    };
    return openRoute({ ...this.#options.open, find, ...extra, isWanted: () => !this.#isClosed });
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
    const held = this.#held;
    this.#held = [];
    for (const chunk of held) this.#onClientData(chunk);
    if (this.#held.length === 0) this.#client.resume();
  }

  #setRoute(route: GatewayRoute | undefined): void {
    const before = this.#route;
    this.#route = route;
    if (before?.key !== route?.key) this.#host.onRoute(this, before, route);
  }

  readonly #onClientData = (chunk: Buffer): void => {
    // What is behind something that waits waits, too.
    if (!this.#isJoined || this.#farewell.isSaid || this.#held.length > 0) {
      this.#hold(chunk);
      if (this.#state === 'detached') void this.#revive();
      return;
    }
    const read = this.#options.isRaw
      ? chunk.length
      : this.#read(() => this.#tracker.client.read(chunk));
    if (read === undefined) return;
    if (read < chunk.length) this.#hold(chunk.subarray(read));
    if (read === 0) return;
    const passed = read === chunk.length ? chunk : chunk.subarray(0, read);
    if (this.#backend?.socket.write(passed) === false) this.#client.pause();
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

  #hold(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#client.pause();
  }

  onBackendDrain(): void {
    if (this.#isJoined && this.#held.length === 0) this.#client.resume();
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
    if (!this.#client.write(chunk)) this.#backend?.socket.pause();
  }

  onBackendClosed(backend: Backend): void {
    if (this.#isClosed || backend !== this.#backend) return;
    this.#backend = undefined;
    const { bytes, isOfServer } = this.#farewell.end();
    const isQuiet = this.#tracker.isIdle && !this.#tracker.sawFatal && !this.#options.isFixed;
    if (!isQuiet || !isOfServer || !this.#tracker.memory.isComplete) {
      if (bytes.length > 0) this.#client.write(bytes);
      this.#close();
      return;
    }
    clearTimeout(this.#settleTimer);
    this.#setRoute(undefined);
    this.#state = 'detached';
    // Whoever listens wants to hear; anybody else is led on when he speaks.
    if (this.#tracker.memory.listens || this.#held.length > 0) void this.#revive();
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
    this.#client.pause();
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
    let opened: OpenedRoute | undefined;
    try {
      opened = await this.#open({ waitsForPlace: true });
      await carryOver(opened.backend, carried, this.#aside);
    } catch (error) {
      opened?.backend.end();
      this.#fail(error);
      return;
    }
    const { route, backend } = opened;
    if (this.#isClosed) {
      backend.end();
      return;
    }
    this.#client.write(changesSince(before, backend));
    this.#join(route, backend);
  }

  readonly #aside = (bytes: Buffer): void => {
    this.#client.write(bytes);
  };

  /** Ends both sides; the client is told why, unless it is in the middle of being told something else. */
  #fail(error: unknown): void {
    if (this.#isClosed) return;
    if (this.#tracker.server.atBoundary) this.#client.write(fatalResponse(error));
    if (this.#tracker.isIdle) this.#backend?.end();
    else void this.#backend?.abandon();
    this.#backend = undefined;
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#state = 'closed';
    clearTimeout(this.#settleTimer);
    this.#held = [];
    this.#backend?.drop();
    this.#backend = undefined;
    this.#client.end();
    this.#client.resume();
    // One that does not take its last message must not stay.
    setTimeout(() => this.#client.destroy(), 2_000).unref();
    this.#setRoute(undefined);
    this.#host.onClosed(this);
  }
}
