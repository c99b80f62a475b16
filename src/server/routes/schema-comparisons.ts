import { z } from 'zod';
import { jobInputs } from '../../contract/job.js';
import { databaseNameSchema } from '../../contract/names.js';
import type { Api } from '../http/api.js';
import { addRoute } from '../http/route.js';
import { runAsJob } from '../http/run-as-job.js';
import { schemaComparisonSchema } from '../resources/schema-comparison.js';

/** Comparing two schemas: `belay schema diff`. */
export function addSchemaComparisonRoutes(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/schema-comparisons', scope: 'read', database: 'body' },
      ...{ tag: 'Comparisons', summary: 'Compare two schemas, as a list or as SQL' },
      description: '`a` and `b` are versions, references of snapshots, or "live".',
      body: z.strictObject({ database: databaseNameSchema, ...jobInputs['schema-diff'].shape }),
      answers: { 200: { description: 'What turns A into B', schema: schemaComparisonSchema } },
      beginsJob: true,
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'schema-diff', input });
    },
  );
}
