import { z } from 'zod';
import { assessedChangeSchema } from './schema-change.js';

/** What a migration really did, on a copy that was thrown away. */
export const rehearsalSchema = z.looseObject({
  ok: z.boolean().meta({
    description: 'It succeeded, passed no threshold, and the database was not touched',
  }),
  exitCode: z.int(),
  schema: z.array(assessedChangeSchema),
  tables: z.array(z.looseObject({})),
  recordsLost: z.number(),
  valuesChanged: z.number(),
  locks: z.array(z.looseObject({ object: z.string(), mode: z.string() })),
  statements: z.array(z.looseObject({ sql: z.string(), durationMs: z.number() })),
  errors: z.array(z.looseObject({ message: z.string() })),
  untouched: z.looseObject({ status: z.enum(['proven', 'others-only', 'touched']) }),
  durationMs: z.number().optional(),
});
