import { z } from 'zod';
import { jobInputs } from '../../contract/job.js';
import { databaseNameSchema } from '../../contract/names.js';
import type { Api } from '../http/api.js';
import { addRoute } from '../http/route.js';
import { runAsJob } from '../http/run-as-job.js';
import { comparisonSchema } from '../resources/comparison.js';

/** Comparing two snapshots, or one with what is live: `belay diff`. */
export function addComparisonRoutes(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/comparisons', scope: 'read', database: 'body' },
      ...{ tag: 'Comparisons', summary: 'Compare two snapshots, or one with the live database' },
      description: '`a` and `b` are references, or "live". With `data`, rows are compared too.',
      body: z.strictObject({ database: databaseNameSchema, ...jobInputs.diff.shape }),
      answers: { 200: { description: 'What differs', schema: comparisonSchema } },
      beginsJob: true,
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'diff', input });
    },
  );
}
