import { z } from 'zod';
import { jobInputs } from '../../contract/job.js';
import { databaseNameSchema } from '../../contract/names.js';
import type { Api } from '../http/api.js';
import { addRoute } from '../http/route.js';
import { runAsJob } from '../http/run-as-job.js';
import { impactPlanSchema } from '../resources/plan.js';

/** What SQL would do to the data that is there: `belay plan`. */
export function addPlanRoutes(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/plans', scope: 'restore', database: 'body' },
      ...{ tag: 'Migrations', summary: 'What a migration would do, measured on the live data' },
      description:
        'Nothing is executed: the statements are analysed, and what they touch is counted.',
      body: z.strictObject({ database: databaseNameSchema, ...jobInputs.plan.shape }),
      answers: { 200: { description: 'Statement by statement', schema: impactPlanSchema } },
      beginsJob: true,
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'plan', input });
    },
  );
}
