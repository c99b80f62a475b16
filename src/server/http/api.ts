import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Context, Hono } from 'hono';
import type { z } from 'zod';
import type { Caller } from '../../contract/caller.js';
import type { Scope } from '../../contract/scope.js';
import type { Services } from '../services.js';
import { RememberingRouter } from './remembering-router.js';

export interface ApiEnv {
  Variables: {
    requestId: string;
    /** Who asks, once that is known: for the log. */
    caller?: Caller;
    /** Path of the route that answers, e.g. "/api/jobs/{id}": for log and metrics. */
    routePath?: string;
  };
  Bindings: {
    incoming: IncomingMessage;
    outgoing: ServerResponse;
  };
}

/**
 * Who may call a route: everybody ("open"), everybody who is known ("any"), an agent, or who has the scope.
 */
export type RouteScope = Scope | 'any' | 'open' | 'agent';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

export interface Answer {
  readonly description: string;
  /** Left out: no body. */
  readonly schema?: z.ZodType;
  /** Default "application/json". */
  readonly contentType?: string;
}

/** A route as its definition says it, for the document and whoever looks at all routes. */
export interface RouteFacts {
  readonly method: Method;
  /** As in OpenAPI, e.g. "/api/snapshots/{database}/{ref}". */
  readonly path: string;
  readonly scope: RouteScope;
  /** Where the database is named that the caller must be bound to; nowhere: the route itself sees to it. */
  readonly database?: 'path' | 'query' | 'body' | undefined;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string | undefined;
  readonly params?: z.ZodObject | undefined;
  readonly query?: z.ZodObject | undefined;
  readonly body?: z.ZodType | undefined;
  /** What it answers where it succeeds, by status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** It begins a job: takes `Prefer: respond-async`, `?async=true` and `Idempotency-Key`. */
  readonly beginsJob?: boolean | undefined;
}

/** The application while its routes are added. */
export interface Api {
  readonly app: Hono<ApiEnv>;
  readonly services: Services;
  readonly routes: RouteFacts[];
}

export function createApi(services: Services): Api {
  return { app: new Hono<ApiEnv>({ router: new RememberingRouter() }), services, routes: [] };
}

/** A header as Node has read it: lists are asked for so often that making `Headers` of them would be half of the work. */
export function headerOf(
  c: Context<ApiEnv>,
  name: 'host' | 'origin' | 'authorization' | 'prefer',
): string | undefined {
  return c.env.incoming.headers[name] as string | undefined;
}
