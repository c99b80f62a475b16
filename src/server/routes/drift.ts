import { z } from 'zod';
import { databaseNameSchema } from '../../contract/names.js';
import type { Api } from '../http/api.js';
import { addRoute } from '../http/route.js';
import { runAsJob } from '../http/run-as-job.js';
import { driftSchema } from '../resources/drift.js';

/** How the live schema differs from what was recorded: `belay schema drift`. */
export function addDriftRoutes(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/drift', scope: 'read', database: 'query' },
      ...{ tag: 'Schema', summary: 'How the live schema differs from the last recorded one' },
      query: z.strictObject({ database: databaseNameSchema }),
      answers: { 200: { description: 'Measured now', schema: driftSchema } },
      beginsJob: true,
    },
    (request) => runAsJob(request, { database: request.query.database, type: 'drift', input: {} }),
  );
}
