import { z } from 'zod';
import { safetySchema, schemaChangeSchema } from './schema-change.js';

/** The way back to an earlier version, and what it would lose. */
export const rollbackPlanSchema = z.looseObject({
  from: z.string(),
  to: z.string(),
  migrations: z.array(z.string()).meta({ description: 'Taken back, newest first' }),
  overallSafety: safetySchema,
  requiresApproval: z.boolean(),
  issues: z.array(
    z.looseObject({
      migration: z.string(),
      safety: safetySchema,
      description: z.string(),
      rowsLost: z.number().nullable(),
    }),
  ),
  steps: z.array(z.looseObject({ to: z.string(), safety: safetySchema })),
  proven: z.boolean(),
  differences: z.array(schemaChangeSchema),
  notes: z.array(z.string()),
});

export const rollbackSchema = z.looseObject({
  ok: z.boolean(),
  from: z.string(),
  to: z.string(),
  rolledBack: z.array(z.string()),
  verified: z.boolean(),
  differences: z.array(schemaChangeSchema),
});
