import type { Context } from 'hono';
import { z } from 'zod';
import { isLoopback } from '../http/admission.js';
import type { Api, ApiEnv } from '../http/api.js';
import { authenticate, checkScope } from '../http/authenticate.js';
import { addRoute } from '../http/route.js';
import type { Metrics } from '../metrics.js';

export function addMetricsRoute(api: Api, metrics: Metrics): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/metrics', scope: 'open', tag: 'Operations' },
      summary: 'Metrics for Prometheus',
      description: 'Wants the scope "read", but not of a scraper on the server’s own machine.',
      answers: { 200: { description: 'Metrics', schema: z.string(), contentType: 'text/plain' } },
    },
    async ({ c, services }) => {
      if (!isOwnMachine(c)) {
        const caller = await authenticate(c, services);
        checkScope(caller, 'read');
      }
      return c.body(await metrics.read(services), 200, { 'content-type': metrics.contentType });
    },
  );
}

/** What comes through a proxy comes from this machine too, and from anywhere; proxies say so, and have another name. */
function isOwnMachine(c: Context<ApiEnv>): boolean {
  if (c.req.header('authorization') !== undefined) return false;
  const forwarded = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];
  if (forwarded.some((name) => c.req.header(name) !== undefined)) return false;
  const address = c.env.incoming?.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
  const host = (c.req.header('host') ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return isLoopback(address) && isLoopback(host);
}
