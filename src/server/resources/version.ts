import { z } from 'zod';
import { isoTimeSchema, lookedSchema } from './schema-change.js';

/** A recorded version of the schema and what it follows. */
const versionSchema = z.looseObject({
  id: z.string(),
  version: z.string(),
  name: z.string(),
  tool: z.string(),
  checksum: z.string().nullable(),
  parents: z.array(z.string()),
  children: z.array(z.string()),
  at: isoTimeSchema.nullable(),
  isCurrent: z.boolean(),
  isHead: z.boolean(),
});

export const versionGraphSchema = z.object({
  versions: z.array(versionSchema).meta({ description: 'Each after its parents' }),
  current: z.string().nullable().meta({ description: 'Id of the version that it is at' }),
  ...lookedSchema,
});
