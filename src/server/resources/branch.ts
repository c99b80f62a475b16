import { z } from 'zod';
import { nextSchema } from './page.js';
import { isoTimeSchema, lookedSchema } from './schema-change.js';

/** A branch as lists show it: without a URL, so without a password. */
const branchSummarySchema = z.looseObject({
  name: z.string().meta({ example: 'feature/invoices' }),
  database: z.string(),
  isolation: z.string().meta({ example: 'database' }),
  state: z.string().meta({ example: 'ready' }),
  basedOn: z.string().nullable().meta({ description: 'Tag; null: from what was live' }),
  createdAt: isoTimeSchema,
  expiresAt: isoTimeSchema.nullable(),
  isProtected: z.boolean(),
  gitBranch: z.string().nullable(),
  sizeBytes: z.number().nullable(),
});

export const branchListSchema = z.object({
  branches: z.array(branchSummarySchema),
  next: nextSchema,
  ...lookedSchema,
});

/** What making one ended with. */
export const createdBranchSchema = z.looseObject({}).meta({
  description: 'The branch, as `belay branch create --json` prints it',
});

export const resetBranchSchema = z.looseObject({
  ok: z.literal(true),
  name: z.string(),
  database: z.string(),
});

export const deletedBranchSchema = z.looseObject({
  ok: z.literal(true),
  name: z.string(),
  database: z.string(),
  snapshots: z.array(z.string()).meta({ description: 'Tags of the snapshots that went with it' }),
});

export const collectionSchema = z.looseObject({
  ok: z.literal(true),
  dryRun: z.boolean(),
  removed: z.array(z.looseObject({ name: z.string(), why: z.string() })),
  kept: z.array(z.looseObject({ name: z.string(), why: z.string() })),
  freedBytes: z.number(),
});
