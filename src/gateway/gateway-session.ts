import type { Socket } from 'node:net';
import type { Backend, BackendListener } from './backend.js';
import { type CarryOver, carryOver, carryOverFromMemory, surveySession } from './carry-over.js';
import { greeting } from './client-login.js';
import {
  fatalResponse,
  parseErrorResponse,
  terminated,
  terminatedState,
} from './error-response.js';
import { type OpenedRoute, type OpenRouteOptions, openRoute } from './open-route.js';
import { parameterStatus, readyForQuery, transactionStatus } from './protocol.js';
import type { GatewayRoute } from './routes.js';
import { SessionTracker } from './session-tracker.js';

/** What a session wants of the gateway. */
export interface SessionHost {
  /** So many milliseconds a running statement may go on after a switch. */
  readonly switchWaitMs: number;
  /** Counts who uses which route; undefined: none. */
  onRoute(
    session: GatewaySession,
    before: GatewayRoute | undefined,
    now: GatewayRoute | undefined,
  ): void;
  /** Runs it when there is room: a switch moves many sessions, and each wants a place on the server. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** Rises with every change of the current branch. */
  readonly generation: number;
  /** The current branch changed while the session was on its way: reconsider it. */
  lookAgain(session: GatewaySession): void;
  onClosed(session: GatewaySession): void;
}

export interface SessionOptions {
  readonly host: SessionHost;
  readonly client: Socket;
  /** The branch that the client named; null: the current one. */
  readonly branch: string | null;
  readonly open: Omit<OpenRouteOptions, 'isWanted'>;
  /** The client logs in by itself, or speaks the replication protocol: nobody can do that again for it. */
  readonly isFixed: boolean;
  /** It speaks the replication protocol, which is not looked into. */
  readonly isRaw: boolean;
  /** What the client gets as its key for cancel requests. */
  readonly key: Buffer;
}

/**
 * relaying: both sides are joined. settling: a move is wanted, and what runs may end. moving: the client waits.
 * detached: the server went away and the client has not noticed. closed: the end.
 */
type State = 'relaying' | 'settling' | 'moving' | 'detached' | 'closed';

/** SQLSTATEs of a server that ends sessions, not of a session that did something. */
const serverEnds = new Set([terminatedState, '57P02', '57P03']);
const errorType = 'E'.charCodeAt(0);

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
  /** A message with which an idle session's server goes. */
  #farewell: Buffer[] = [];
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
    if (this.#client.destroyed) return this.#close();
    this.#client.on('close', onClientGone);
    this.#client.on('end', onClientGone);
    const { route, backend } = await this.#open({});
    if (this.#isClosed) return backend.end();
    this.#client.on('data', this.#onClientData);
    this.#client.on('drain', () => {
      // While nobody listens, what comes would be lost.
      if (this.#isJoined) this.#backend?.socket.resume();
    });
    this.#client.write(
      Buffer.concat([
        greeting(backend.parameters, this.key),
        ...backend.notices,
        readyForQuery(transactionStatus.idle),
      ]),
    );
    this.#join(route, backend);
    this.#client.resume();
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
    const held = this.#held;
    this.#held = [];
    backend.attach(this);
    this.#release(held);
    if (this.branch === null && this.#generation !== this.#host.generation) {
      this.#tracker.isHolding = true;
      this.#host.lookAgain(this);
    }
  }

  /** Lets what waited go. */
  #release(held: readonly Buffer[]): void {
    for (const chunk of held) this.#onClientData(chunk);
    if (this.#held.length === 0) this.#client.resume();
  }

  #setRoute(route: GatewayRoute | undefined): void {
    const before = this.#route;
    this.#route = route;
    if (before?.key !== route?.key) this.#host.onRoute(this, before, route);
  }

  readonly #onClientData = (chunk: Buffer): void => {
    const backend = this.#backend;
    if (!this.#isJoined || !backend || this.#farewell.length > 0) {
      this.#hold(chunk);
      if (this.#state === 'detached') void this.#revive();
      return;
    }
    // What is behind something that waits waits, too.
    if (this.#held.length > 0) return this.#hold(chunk);
    let read = chunk.length;
    try {
      if (!this.#options.isRaw) read = this.#tracker.client.read(chunk);
    } catch {
      return this.#fail(brokenProtocol());
    }
    if (read < chunk.length) this.#hold(chunk.subarray(read));
    if (read === 0) return;
    if (!backend.socket.write(read === chunk.length ? chunk : chunk.subarray(0, read))) {
      this.#client.pause();
    }
  };

  #hold(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#client.pause();
  }

  onBackendDrain(): void {
    if (this.#isJoined && this.#held.length === 0) this.#client.resume();
  }

  onBackendData(chunk: Buffer): void {
    const tracker = this.#tracker;
    if (this.#options.isRaw) return this.#toClient(chunk);
    if (this.#farewell.length > 0 || (chunk[0] === errorType && tracker.isIdle)) {
      this.#farewell.push(chunk);
      return;
    }
    const ready = tracker.readyCount;
    try {
      tracker.server.read(chunk);
    } catch {
      return this.#fail(brokenProtocol());
    }
    this.#toClient(chunk);
    if (this.#state === 'settling' && tracker.readyCount !== ready) this.#settle();
  }

  #toClient(chunk: Buffer): void {
    if (!this.#client.write(chunk)) this.#backend?.socket.pause();
  }

  onBackendClosed(backend: Backend): void {
    if (this.#isClosed || backend !== this.#backend) return;
    this.#backend = undefined;
    const isQuiet = this.#tracker.isIdle && !this.#tracker.sawFatal && !this.#options.isFixed;
    const farewell = Buffer.concat(this.#farewell);
    this.#farewell = [];
    const ended =
      farewell.length === 0 || serverEnds.has(parseErrorResponse(farewell.subarray(5)).sqlState);
    if (!isQuiet || !ended || !this.#tracker.memory.isComplete) {
      if (farewell.length > 0) this.#client.write(farewell);
      return this.#close();
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
    if (this.#state !== 'relaying') return this.#settle();
    this.#state = 'settling';
    this.#tracker.isHolding = true;
    this.#settleTimer = setTimeout(
      () => this.#fail(terminated('What it was doing went on for too long after the switch.')),
      this.#host.switchWaitMs,
    );
    this.#settle();
  }

  #stopSettling(): void {
    clearTimeout(this.#settleTimer);
    this.#state = 'relaying';
    this.#tracker.isHolding = false;
    const held = this.#held;
    this.#held = [];
    this.#release(held);
  }

  /** Goes as soon as nothing is outstanding. A transaction cannot go, and waiting would not help it. */
  #settle(): void {
    if (this.#options.isRaw || (this.#options.isFixed && this.#tracker.isIdle)) {
      return this.#fail(
        terminated('The current branch changed, and this login cannot be repeated there.'),
      );
    }
    if (this.#tracker.isIdle) void this.#move();
    else if (this.#tracker.isInTransaction) {
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
        carried = await surveySession(backend, this.#tracker.memory, this.#aside);
      } catch (error) {
        if (!backend.isClosed || !this.#tracker.memory.isComplete) return this.#fail(error);
        carried = carryOverFromMemory(this.#tracker.memory);
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
      return this.#fail(error);
    }
    const { route, backend } = opened;
    if (this.#isClosed) return backend.end();
    for (const [name, value] of backend.parameters) {
      if (before.get(name) !== value) this.#client.write(parameterStatus(name, value));
    }
    for (const notice of backend.notices) this.#client.write(notice);
    this.#join(route, backend);
  }

  readonly #aside = (bytes: Buffer): void => {
    this.#client.write(bytes);
  };

  /** Ends both sides; the client is told why, unless it is in the middle of being told something else. */
  #fail(error: unknown): void {
    if (this.#isClosed) return;
    if (this.#tracker.server.atBoundary) this.#client.write(fatalResponse(error));
    void this.#backend?.abandon();
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

function brokenProtocol(): Error {
  return terminated('It sent what is no message of the protocol.');
}
