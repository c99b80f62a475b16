import { z } from 'zod';
import { jobInputs } from '../../contract/job.js';
import { databaseNameSchema } from '../../contract/names.js';
import type { Api } from '../http/api.js';
import { addRoute } from '../http/route.js';
import { runAsJob } from '../http/run-as-job.js';
import { rehearsalSchema } from '../resources/rehearsal.js';

/** Running SQL on a throwaway copy: `belay rehearse`. */
export function addRehearsalRoutes(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/rehearsals', scope: 'restore', database: 'body' },
      ...{ tag: 'Migrations', summary: 'Run a migration on a copy and measure what it did' },
      description: 'The copy is thrown away. `ok` is false where the migration failed on it.',
      body: z.strictObject({ database: databaseNameSchema, ...jobInputs.rehearse.shape }),
      answers: { 200: { description: 'What it really did', schema: rehearsalSchema } },
      beginsJob: true,
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'rehearse', input });
    },
  );
}
