import { z } from 'zod';
import { referenceSchema, tagSchema } from '../../contract/names.js';
import { asDocument, defineTool, given, namedSnapshot, type Tool } from '../tool.js';

const output = z.looseObject({
  ok: z.boolean(),
  database: z.string(),
  snapshot: namedSnapshot,
});

const restore = defineTool({
  name: 'restore',
  title: 'Restore a snapshot in place',
  description:
    'Puts a snapshot in the place of the live database. The state that is there now is kept, and undo brings it back. Ask the person first, and name what came since: `diff` shows it.',
  scope: 'restore',
  effect: 'replace',
  input: {
    reference: referenceSchema.describe('The snapshot'),
    tables: z
      .array(z.string().min(3).max(200))
      .max(500)
      .optional()
      .describe('Only these, "schema.table"'),
  },
  output: z.looseObject({ ok: z.boolean(), database: z.string() }),
  run: async (executor, call, input) =>
    asDocument(await executor.perform(call, 'restore', given(input))),
});

const switchTo = defineTool({
  name: 'switch',
  title: 'Switch to a snapshot',
  description:
    'Keeps the present state as a snapshot and puts another one in its place, so that one can switch back. Ask the person first.',
  scope: 'restore',
  effect: 'replace',
  input: {
    reference: referenceSchema.describe('The snapshot'),
    save: tagSchema.optional().describe('Tag under which the present state is kept'),
  },
  output,
  run: async (executor, call, input) =>
    asDocument(await executor.perform(call, 'switch', given(input))),
});

const undo = defineTool({
  name: 'undo',
  title: 'Undo the last restore',
  description:
    'Brings back the state that the last restore or switch replaced. Ask the person first.',
  scope: 'restore',
  effect: 'replace',
  input: {},
  output,
  run: async (executor, call) => asDocument(await executor.perform(call, 'undo', {})),
});

export const restoreTools: readonly Tool[] = [restore, switchTo, undo];
