import { z } from 'zod';

/** How far a change can be taken back. */
export const safetySchema = z.enum(['SAFE', 'DATA_LOSS', 'UNSAFE']).meta({
  description: 'SAFE: nothing is lost. DATA_LOSS: rows or values go. UNSAFE: it cannot be told.',
});

/** One difference between two schemas. */
export const schemaChangeSchema = z.looseObject({
  kind: z.enum(['added', 'removed', 'changed']),
  object: z.string().meta({ description: 'Kind of the object', example: 'column' }),
  name: z.string().meta({ example: 'public.orders.total' }),
  detail: z.string().meta({ example: 'type: integer → bigint' }),
});

/** A difference, and what undoing or doing it means for the rows. */
export const assessedChangeSchema = z.looseObject({
  ...schemaChangeSchema.shape,
  safety: safetySchema,
  reason: z.string().optional(),
});

export const isoTimeSchema = z
  .string()
  .meta({ description: 'ISO 8601 in UTC', example: '2026-11-20T14:30:00.000Z' });

/** Beside what comes from the last look at a database. */
export const lookedSchema = {
  at: isoTimeSchema.meta({ description: 'When the database was looked at' }),
  problem: z
    .looseObject({ code: z.string(), message: z.string() })
    .nullable()
    .meta({ description: 'Why the last look failed: the rest is older then, or empty' }),
};
