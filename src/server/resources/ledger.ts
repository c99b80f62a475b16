import { z } from 'zod';
import { nextSchema } from './page.js';
import { isoTimeSchema, lookedSchema } from './schema-change.js';

/** One thing that Belay did, chained to the one before. */
const ledgerEntrySchema = z.looseObject({
  number: z.int(),
  previous: z.string().nullable().meta({ description: 'SHA-256 of the entry before' }),
  at: isoTimeSchema,
  action: z.string().meta({ example: 'checkpoint' }),
  outcome: z.enum(['done', 'failed', 'refused']),
  actor: z.looseObject({
    user: z.string(),
    host: z.string(),
    onBehalfOf: z.string().optional().meta({ example: 'token deploy (tok_4f3a)' }),
  }),
  snapshot: z.looseObject({ id: z.string(), tag: z.string() }).nullable(),
  rows: z.number().nullable(),
  details: z.looseObject({}),
});

export const ledgerPageSchema = z.object({
  entries: z.array(ledgerEntrySchema).meta({ description: 'Newest first' }),
  next: nextSchema,
  at: lookedSchema.at.optional(),
  problem: lookedSchema.problem.optional(),
});

export const ledgerVerificationSchema = z.looseObject({
  ok: z.boolean(),
  entries: z.int(),
  manifests: z.int(),
  head: z.looseObject({ number: z.int(), sha256: z.string() }).nullable(),
  broken: z.array(z.looseObject({ number: z.int().nullable(), why: z.string() })),
});
