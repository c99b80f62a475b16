import { setTimeout as sleep } from 'node:timers/promises';
import { BelayError } from '../errors.js';
import type { Backend } from './backend.js';
import { type Authenticator, openBackend } from './backend-login.js';
import { BackendError } from './error-response.js';
import type { GatewayRoute } from './routes.js';
import { serverParameters } from './session-parameters.js';

/** A session where a route leads. */
export interface OpenedRoute {
  readonly route: GatewayRoute;
  readonly backend: Backend;
}

export interface OpenRouteOptions {
  readonly find: () => Promise<GatewayRoute>;
  /** Of the client's startup packet. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Another user than the route's, who logs in by himself. */
  readonly passThrough?: { readonly user: string; readonly login: Authenticator } | undefined;
  /** A session that is moved has given up its place on the server: it waits for one. */
  readonly waitsForPlace?: boolean | undefined;
  /** How long a server may be starting. */
  readonly startWaitMs: number;
  readonly isWanted: () => boolean;
}

/** A swap by rename takes milliseconds; who knocks in between is told that the database is not there. */
const swapWaitMs = 2_000;
const firstPauseMs = 20;
const longestPauseMs = 250;

/** SQLSTATEs of a database that is being swapped, and of one that is closed for a moment. */
const passing = new Set(['3D000', '55000', '57P01', '57P02']);
const passingNetwork = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE']);

/**
 * Finds the route and opens a session there. What passes by itself is tried again, and each time the route is asked for
 * anew: it may lead elsewhere by then.
 */
export async function openRoute(options: OpenRouteOptions): Promise<OpenedRoute> {
  const startedAt = performance.now();
  let pauseMs = firstPauseMs;
  for (;;) {
    const route = await options.find();
    try {
      const { user, login } = options.passThrough ?? {};
      const parameters = serverParameters(options.parameters, route.settings, user);
      const backend = await openBackend(route.settings, parameters, login && (() => login));
      return { route, backend };
    } catch (error) {
      const patienceMs = patienceFor(error, options);
      if (performance.now() - startedAt > patienceMs || !options.isWanted()) throw error;
    }
    await sleep(pauseMs);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }
}

function patienceFor(error: unknown, options: OpenRouteOptions): number {
  if (error instanceof BackendError) {
    if (error.sqlState === '57P03') return options.startWaitMs;
    if (error.sqlState === '53300') return options.waitsForPlace ? swapWaitMs : 0;
    return passing.has(error.sqlState) ? swapWaitMs : 0;
  }
  if (error instanceof BelayError) return error.code === 'SERVER_GONE' ? swapWaitMs : 0;
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && passingNetwork.has(code) ? swapWaitMs : 0;
}
