import { z } from 'zod';
import { descriptionSchema, referenceSchema, tagSchema } from '../../contract/names.js';
import { asDocument, defineTool, given, namedSnapshot, type Tool } from '../tool.js';

const tag = tagSchema.describe('Its name: letters, digits, ".", "_", "-" and "/"');
const description = descriptionSchema.optional().describe('What this state is, for people');

const createCheckpoint = defineTool({
  name: 'create_checkpoint',
  title: 'Create a proven checkpoint',
  description:
    'An archive of the live database, sealed, and proven by restoring it into a throwaway server and comparing it. Answers only when it is proven; an error (NOT_PROVEN) where it is not. Do this before anything that changes data. Nobody is disconnected.',
  scope: 'checkpoint',
  effect: 'add',
  input: { tag: tag.optional(), description },
  output: z.looseObject({
    ok: z.boolean(),
    tag: z.string(),
    sizeBytes: z.number(),
    restore_drill: z.string(),
    rows: z.number(),
    tables: z.number(),
  }),
  run: async (executor, call, input) =>
    asDocument(await executor.perform(call, 'checkpoint', given(input))),
});

const createSnapshot = defineTool({
  name: 'create_snapshot',
  title: 'Create a snapshot',
  description:
    'A copy of the live database on its own server, for an instant way back. PostgreSQL copies a database only while nobody is connected to it, so sessions are ended for a moment; `sessions: "fail"` refuses instead. A checkpoint disconnects nobody, and survives its server.',
  scope: 'checkpoint',
  effect: 'add',
  input: {
    tag,
    description,
    sessions: z
      .enum(['terminate', 'wait', 'fail'])
      .optional()
      .describe('What to do with busy sessions: end them, wait for them, or give up'),
  },
  output: z.looseObject({ snapshot: namedSnapshot }),
  run: async (executor, call, input) => {
    const made = asDocument(await executor.perform(call, 'snapshot', given(input)));
    // The library says how long it took beside the snapshot; a document that is the snapshot itself is put there.
    return 'snapshot' in made ? made : { snapshot: made };
  },
});

const verify = defineTool({
  name: 'verify',
  title: 'Verify archives',
  description:
    'Hashes archives again as they lie in the store, and checks the ledger. Reads all of their bytes.',
  scope: 'read',
  effect: 'read',
  input: { reference: referenceSchema.optional().describe('Only this archive') },
  output: z.looseObject({ ok: z.boolean(), checked: z.number() }),
  run: async (executor, call, input) =>
    asDocument(await executor.perform(call, 'verify', given(input))),
});

const ledger = defineTool({
  name: 'ledger',
  title: 'Read the ledger',
  description:
    'What Belay did and who asked for it: checkpoints, drills, restores, refusals. Newest first.',
  scope: 'read',
  effect: 'read',
  input: { limit: z.int().min(1).max(200).optional().describe('How many entries; default 20') },
  output: z.looseObject({
    entries: z.array(z.looseObject({ number: z.number(), action: z.string(), at: z.string() })),
  }),
  run: async (executor, call, { limit = 20 }) => ({
    entries: await executor.ledger(call, limit),
  }),
});

export const checkpointTools: readonly Tool[] = [createCheckpoint, createSnapshot, verify, ledger];
