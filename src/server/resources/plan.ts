import { z } from 'zod';
import { isoTimeSchema, safetySchema } from './schema-change.js';

const impactSchema = z.looseObject({
  rule: z.string().meta({ example: 'drop-column' }),
  operation: z.string().meta({ example: 'DROP COLUMN' }),
  object: z.string().meta({ example: 'public.orders.total' }),
  safety: safetySchema,
  rowsAffected: z.number().nullable(),
  valuesAtRisk: z.number().nullable(),
  recordsAtRisk: z.number().nullable(),
  measured: z.enum(['exact', 'estimate', 'unknown']),
  wouldFail: z.boolean().nullable(),
  reason: z.string(),
  lock: z.string().nullable(),
});

/** What a migration would do to the data that is there now. */
export const impactPlanSchema = z.looseObject({
  safety: safetySchema,
  statements: z.array(
    z.looseObject({
      index: z.int(),
      line: z.int(),
      sql: z.string(),
      safety: safetySchema,
      impacts: z.array(impactSchema),
    }),
  ),
  totals: z.looseObject({ statements: z.int(), recordsAtRisk: z.number() }),
  notes: z.array(z.string()),
  measuredAt: isoTimeSchema,
});
