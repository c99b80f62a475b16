import { z } from 'zod';
import { jobInputs } from '../../contract/job.js';
import { databaseNameSchema } from '../../contract/names.js';
import type { Api } from '../http/api.js';
import { addRoute } from '../http/route.js';
import { runAsJob } from '../http/run-as-job.js';

const checkpointAnswerSchema = z.looseObject({
  ok: z.literal(true),
  tag: z.string().meta({ example: 'pre-deploy-4f3a9c1' }),
  /** For people. */
  size: z.string().meta({ example: '412.3 MB' }),
  sizeBytes: z.number(),
  sha256: z.string(),
  restore_drill: z.literal('proven'),
  rows: z.number(),
  tables: z.number(),
  durationMs: z.number(),
});

export function addCheckpointRoutes(api: Api): void {
  addRoute(
    api,
    {
      method: 'post',
      path: '/api/checkpoint',
      scope: 'checkpoint',
      database: 'body',
      tag: 'Checkpoints',
      summary: 'Make a checkpoint, and answer when it is proven',
      description:
        'Answers 200 only when the archive is sealed and was restored and compared; 422 where it is not proven.',
      body: jobInputs.checkpoint.extend({ database: databaseNameSchema }),
      beginsJob: true,
      answers: { 200: { description: 'Sealed and proven', schema: checkpointAnswerSchema } },
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'checkpoint', input });
    },
  );
}
