import { z } from 'zod';
import { jobInputs } from '../../contract/job.js';
import { databaseNameSchema } from '../../contract/names.js';
import type { Api } from '../http/api.js';
import { addRoute } from '../http/route.js';
import { runAsJob } from '../http/run-as-job.js';

const database = databaseNameSchema;
const done = (description: string) => ({ 200: { description, schema: z.looseObject({}) } });

/** Drills, verifications, and what retention removes. */
export function addProofRoutes(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/drills', scope: 'checkpoint', database: 'body' },
      tag: 'Checkpoints',
      summary: 'Restore an archive into a throwaway database and compare: is it proven?',
      body: jobInputs.drill.extend({ database }),
      beginsJob: true,
      answers: done('What the drill found'),
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'drill', input });
    },
  );
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/verifications', scope: 'read', database: 'body' },
      tag: 'Checkpoints',
      summary: 'Check the seal of one archive, or of all',
      body: jobInputs.verify.extend({ database }),
      beginsJob: true,
      answers: done('What the check found'),
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'verify', input });
    },
  );
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/prunes', scope: 'admin', database: 'body' },
      tag: 'Snapshots',
      summary: 'Remove old snapshots by a retention policy',
      description:
        'With `dryRun` it only says what would go. On production `confirm` is the registered name.',
      body: jobInputs.prune.extend({ database }),
      beginsJob: true,
      answers: done('What was, or would be, removed'),
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'prune', input });
    },
  );
}
