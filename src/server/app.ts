import type { Hono } from 'hono';
import { type Api, type ApiEnv, createApi } from './http/api.js';
import { answerThrown, answerUnknown, frameRequests } from './http/request-frame.js';
import { findPageFolder, servePage } from './http/static-page.js';
import { createMetrics } from './metrics.js';
import { addAllRoutes } from './routes/all.js';
import { addDocumentRoutes } from './routes/document.js';
import { addMetricsRoute } from './routes/metrics.js';
import type { Services } from './services.js';

export interface AppOptions {
  /** Where the page was built; default: beside the package's code. Undefined where it was not. */
  readonly pageFolder?: string | undefined;
}

/** Everything that answers a request: the API, the page, and what operations ask. */
export async function createApp(
  services: Services,
  options: AppOptions = {},
): Promise<Hono<ApiEnv>> {
  const api = createApi(services);
  const { app } = api;
  const metrics = createMetrics();
  app.onError((error, c) => answerThrown(error, c, services));
  app.use(frameRequests(services, metrics.observe));
  addAllRoutes(api);
  addMetricsRoute(api, metrics);
  addDocumentRoutes(api);
  await addPage(api, options.pageFolder ?? (await findPageFolder()));
  return app;
}

const isOfApi = (path: string): boolean => /^\/(api|mcp|metrics)(\/|$)/.test(path);

async function addPage(api: Api, folder: string | undefined): Promise<void> {
  const page = await servePage(folder);
  const unknown = answerUnknown(api);
  api.app.notFound(async (c) => {
    const answer = isOfApi(c.req.path) ? undefined : await page(c);
    return answer ?? unknown(c);
  });
}
