import { z } from 'zod';
import { BelayError } from '../../errors.js';
import type { Api } from '../http/api.js';
import { addRoute } from '../http/route.js';

const tag = 'Operations';
const okSchema = z.looseObject({ ok: z.literal(true) });

export function addHealthRoutes(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/healthz', scope: 'open', tag },
      summary: 'Whether the process answers',
      answers: { 200: { description: 'It does', schema: okSchema } },
    },
    ({ c }) => c.json({ ok: true }),
  );
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/readyz', scope: 'open', tag },
      summary: 'Whether requests can be served: the catalog answers, and jobs are taken',
      answers: { 200: { description: 'They can', schema: okSchema } },
    },
    async ({ c, services }) => {
      if (services.closing.aborted || !services.isWorking()) {
        throw new BelayError('SERVE_FAILED', 'the server stops, or takes no jobs');
      }
      await withinSeconds(services.catalog.query('SELECT 1', [], 'checking the catalog'));
      return c.json({ ok: true });
    },
  );
}

/** Who asks waits a few seconds at most, and sends requests elsewhere meanwhile. */
async function withinSeconds(answer: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new BelayError('CATALOG_UNAVAILABLE', 'the catalog does not answer')),
      5_000,
    );
  });
  try {
    await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
