import { z } from 'zod';
import { schemaChangeSchema } from './schema-change.js';

/** What turns schema A into schema B. */
export const schemaComparisonSchema = z.looseObject({
  identical: z.boolean().optional(),
  changes: z.array(schemaChangeSchema).optional(),
  sql: z.string().optional().meta({ description: 'Only with `sql`: proven on a copy' }),
});
