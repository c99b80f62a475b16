import { z } from 'zod';
import { isoTimeSchema, safetySchema, schemaChangeSchema } from './schema-change.js';

/** How the live schema differs from the one that was recorded last. */
export const driftSchema = z.looseObject({
  drifted: z.boolean(),
  changes: z.array(z.looseObject({ ...schemaChangeSchema.shape, safety: safetySchema })),
  recorded: z.looseObject({ version: z.string(), at: isoTimeSchema, checksum: z.string() }),
  notes: z.array(z.string()),
});
