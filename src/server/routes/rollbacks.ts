import { z } from 'zod';
import { jobInputs } from '../../contract/job.js';
import { databaseNameSchema } from '../../contract/names.js';
import type { Api } from '../http/api.js';
import { addRoute } from '../http/route.js';
import { runAsJob } from '../http/run-as-job.js';
import { rollbackPlanSchema, rollbackSchema } from '../resources/rollback.js';

const common = { method: 'post', scope: 'restore', database: 'body', tag: 'Migrations' } as const;

/** Taking migrations back: `belay rollback`. */
export function addRollbackRoutes(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...common, path: '/api/rollbacks/plan', beginsJob: true },
      summary: 'The way back to a version, and what it would lose',
      body: z.strictObject({ database: databaseNameSchema, ...jobInputs['rollback-plan'].shape }),
      answers: { 200: { description: 'Step by step', schema: rollbackPlanSchema } },
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'rollback-plan', input });
    },
  );
  addRoute(
    api,
    {
      ...{ ...common, path: '/api/rollbacks', beginsJob: true },
      summary: 'Take migrations back, down to a version',
      description:
        'Where rows would be lost it is refused without `force`; on production `confirm` is the registered name.',
      body: z.strictObject({ database: databaseNameSchema, ...jobInputs.rollback.shape }),
      answers: { 200: { description: 'What was taken back', schema: rollbackSchema } },
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'rollback', input });
    },
  );
}
