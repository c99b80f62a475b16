import type { Socket } from 'node:net';
import type { OpenRouteOptions } from './open-route.js';
import type { GatewayRoute } from './routes.js';

/** What the gateway has to know of a session. */
export interface HostedSession {
  readonly key: Buffer;
  /** Looks whether it is where it has to be. */
  reconsider(route: GatewayRoute | undefined): void;
}

/** What a session wants of the gateway. */
export interface SessionHost {
  /** So many milliseconds a running statement may go on after a switch. */
  readonly switchWaitMs: number;
  /** Counts who uses which route; undefined: none. */
  onRoute(before: GatewayRoute | undefined, now: GatewayRoute | undefined): void;
  /** Runs it when there is room: a switch moves many sessions, and each wants a place on the server. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** Rises with every change of the current branch. */
  readonly generation: number;
  /** The current branch changed while the session was on its way: reconsider it. */
  lookAgain(session: HostedSession): void;
  onClosed(session: HostedSession): void;
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
export type SessionState = 'relaying' | 'settling' | 'moving' | 'detached' | 'closed';
