import { z } from 'zod';
import { schemaChangeSchema } from './schema-change.js';

const sideSchema = z.looseObject({
  id: z.string().nullable().meta({ description: 'Of the snapshot; null: the live database' }),
  tag: z.string().nullable(),
  database: z.string(),
});

/** What `belay diff --json` prints. */
export const comparisonSchema = z.looseObject({
  a: sideSchema,
  b: sideSchema,
  identical: z.boolean(),
  schema: z.array(schemaChangeSchema).meta({ description: 'What turns A’s schema into B’s' }),
  rowCounts: z
    .array(z.looseObject({ table: z.string() }))
    .meta({ description: 'Tables whose number of rows differs' }),
  sequences: z.array(z.looseObject({})),
  data: z
    .array(z.looseObject({}))
    .optional()
    .meta({ description: 'Rows that differ, by table; only with `data`' }),
});
