import { randomUUID } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { describeCaller } from '../../contract/caller.js';
import { BelayError, toBelayError } from '../../errors.js';
import type { Services } from '../services.js';
import { type Api, type ApiEnv, headerOf } from './api.js';
import { authenticate } from './authenticate.js';
import { answerError, RequestRefused } from './problem.js';

/** What sees each request when it is over. */
export type Observe = (request: {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
}) => void;

/** The page runs its own scripts and styles alone, talks to its own server alone, and is shown in nobody's frame. */
const pagePolicy = [
  "default-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "img-src 'self' data:",
  "object-src 'none'",
].join('; ');

/** Of every answer; one that says otherwise is taken at its word. */
const commonHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': pagePolicy,
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Open to whoever balances load: their names for the server are their own. */
const probes = ['/healthz', '/readyz'];

/** Numbers requests, checks how the server was called, adds the headers of all answers, and logs. */
export function frameRequests(services: Services, observe: Observe): MiddlewareHandler<ApiEnv> {
  const { admission } = services;
  const headersOfAll = Object.entries({
    ...commonHeaders,
    ...(admission.isHttps ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  });
  return async (c, next) => {
    const begin = performance.now();
    const requestId = randomUUID();
    c.set('requestId', requestId);
    const { outgoing } = c.env;
    outgoing.setHeader('x-request-id', requestId);
    for (const [name, value] of headersOfAll) outgoing.setHeader(name, value);
    const host = headerOf(c, 'host');
    try {
      if (!probes.includes(c.req.path)) {
        admission.checkHost(host);
        admission.checkOrigin(headerOf(c, 'origin'), host);
      }
      await next();
    } catch (error) {
      c.res = answerThrown(error, c, services);
    }
    const durationMs = performance.now() - begin;
    const route = c.get('routePath') ?? '-';
    observe({ method: c.req.method, route, status: c.res.status, durationMs });
    logRequest(c, services, route, durationMs);
  };
}

/** Neither query nor body nor headers: they may hold what is nobody's business. */
function logRequest(
  c: Context<ApiEnv>,
  { logger }: Services,
  route: string,
  durationMs: number,
): void {
  const caller = c.get('caller');
  const line = {
    request: c.get('requestId'),
    method: c.req.method,
    route,
    status: c.res.status,
    durationMs: Math.round(durationMs * 10) / 10,
    caller: caller && describeCaller(caller),
  };
  // What monitors ask every few seconds would bury the rest.
  if (probes.includes(route) || route === '/metrics') logger.debug(line, 'request');
  else logger.info(line, 'request');
}

/** The answer to what was thrown. A bug's own words stay in the log: nobody knows what they hold. */
export function answerThrown(thrown: unknown, c: Context<ApiEnv>, { logger }: Services): Response {
  const error = toBelayError(thrown);
  if (error.code !== 'BUG') return answerError(error);
  const request = c.get('requestId');
  logger.error({ request, route: c.get('routePath') ?? '-', err: thrown }, 'bug');
  return answerError(
    new BelayError('BUG', `something that cannot happen did; the log has it as ${request}`, {
      hint: 'Please report it with the log of the server.',
    }),
  );
}

/** What no route answers: another method of a path (405), or nothing there. Strangers are not told which. */
export function answerUnknown({ routes, services }: Api) {
  const patterns = routes.map(({ method, path }) => ({
    method: method.toUpperCase(),
    scope: routes.find((route) => route.path === path)?.scope,
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  }));
  return async (c: Context<ApiEnv>): Promise<Response> => {
    const there = patterns.filter(({ pattern }) => pattern.test(c.req.path));
    const isOpen = there.some(({ scope }) => scope === 'open');
    if (!isOpen && c.req.path.startsWith('/api')) await authenticate(c, services);
    if (there.length === 0) {
      throw new BelayError('ROUTE_NOT_FOUND', 'there is nothing at that path', {
        hint: 'See /api/docs for all routes.',
      });
    }
    const methods = [...new Set(there.map(({ method }) => method))];
    throw new RequestRefused('BAD_REQUEST', `${c.req.method} is not possible here`, {
      status: 405,
      hint: `Possible: ${methods.join(', ')}.`,
      headers: { allow: methods.join(', ') },
    });
  };
}
