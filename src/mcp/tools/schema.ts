import { z } from 'zod';
import { jobInputs } from '../../contract/job.js';
import { referenceSchema } from '../../contract/names.js';
import type { SchemaObject } from '../../domain/schema-model.js';
import { asDocument, defineTool, given, type Tool } from '../tool.js';

const showSchema = defineTool({
  name: 'show_schema',
  title: 'Show the schema',
  description:
    'The schema as plain data: tables with columns, constraints and indexes, views, functions, types. Of a large schema ask for a part with `search`.',
  scope: 'read',
  effect: 'read',
  input: {
    reference: jobInputs['schema-show'].shape.reference.describe(
      '"live" (the default), a version, or a snapshot',
    ),
    search: z.string().max(200).optional().describe('Only objects with this in their name'),
  },
  output: z.looseObject({ checksum: z.string(), objects: z.array(z.looseObject({})) }),
  run: async (executor, call, { reference, search }) => {
    const model = asDocument(await executor.perform(call, 'schema-show', given({ reference })));
    if (search === undefined) return model;
    const wanted = search.toLowerCase();
    const objects = (model.objects as SchemaObject[]).filter((object) =>
      object.name.toLowerCase().includes(wanted),
    );
    return { ...model, objects };
  },
});

const diff = defineTool({
  name: 'diff',
  title: 'Compare two states',
  description:
    'What differs between two snapshots, or a snapshot and the live database: schema, row counts, sequences. With `data` also which rows; that reads them all.',
  scope: 'read',
  effect: 'read',
  input: {
    a: referenceSchema.describe('A snapshot, or "live"'),
    b: referenceSchema.optional().describe('A snapshot, or "live" (the default)'),
    data: z.boolean().optional().describe('Compare the rows too, and show some that differ'),
  },
  output: z.looseObject({ identical: z.boolean(), schema: z.array(z.looseObject({})) }),
  run: async (executor, call, { a, b = 'live', data }) =>
    asDocument(await executor.perform(call, 'diff', given({ a, b, data }))),
});

const compareSchemas = defineTool({
  name: 'compare_schemas',
  title: 'Compare two schemas',
  description:
    'What turns schema A into schema B; with `sql` also the statements, proven on a copy of the schema.',
  scope: 'read',
  effect: 'read',
  input: {
    a: jobInputs['schema-diff'].shape.a.describe('"live", a version, or a snapshot'),
    b: jobInputs['schema-diff'].shape.b.optional().describe('The same; default "live"'),
    sql: z.boolean().optional().describe('Also the SQL'),
  },
  output: z.looseObject({ identical: z.boolean(), changes: z.array(z.looseObject({})) }),
  run: async (executor, call, { a, b = 'live', sql }) =>
    asDocument(await executor.perform(call, 'schema-diff', given({ a, b, sql }))),
});

const drift = defineTool({
  name: 'drift',
  title: 'Drift',
  description: 'Whether somebody changed the live schema past its migrations, and what.',
  scope: 'read',
  effect: 'read',
  input: {},
  output: z.looseObject({ drifted: z.boolean() }),
  run: async (executor, call) => asDocument(await executor.perform(call, 'drift', {})),
});

export const schemaTools: readonly Tool[] = [showSchema, diff, compareSchemas, drift];
