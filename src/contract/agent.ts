import { z } from 'zod';
import { jobErrorSchema, jobSchema, progressEventSchema } from './job.js';
import { databaseNameSchema, textSchema } from './names.js';

/**
 * What an agent and its server say to each other. An agent is not trusted more than its databases: whatever it sends is bounded
 * and checked like any other input.
 */

/** Most that a report of events or the end of a job may take, in bytes of JSON. */
export const mostAgentBytes = 1024 * 1024;
/** The same of an inventory, which names every snapshot. */
export const mostInventoryBytes = 4 * 1024 * 1024;
/** Longest time for which a call waits for a job, so that proxies do not lose their patience. */
export const longestClaimSeconds = 25;
export const mostAgentEvents = 500;

export const agentClaimSchema = z.strictObject({
  /** Registered names. */
  databases: z.array(databaseNameSchema).min(1).max(50),
  waitSeconds: z.number().min(0).max(longestClaimSeconds),
  /** Of the agent, e.g. "backup-host 4711": what jobs name as their worker. */
  name: textSchema(1, 100),
  /** Of its Belay. */
  version: textSchema(1, 40),
});

export const claimedJobSchema = jobSchema.extend({
  /** As it is registered: an agent takes more care than its own configuration asks for, never less. */
  environment: z.enum(['development', 'production']),
  lease: z.string().max(200),
  leaseMs: z.int().positive(),
});

const lease = textSchema(1, 200);
const agentErrorSchema = jobErrorSchema.extend({
  code: textSchema(1, 100),
  message: z.string().max(20_000),
  hint: z.string().max(20_000).optional(),
});

export const agentRenewalSchema = z.strictObject({ lease });
export const agentRenewedSchema = z.object({ answer: z.enum(['renewed', 'cancel', 'lost']) });

export const agentEventsSchema = z.strictObject({
  lease,
  events: z.array(progressEventSchema).max(mostAgentEvents),
});

const agentOutcomeSchema = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('succeeded'), result: z.unknown() }),
  z.strictObject({
    state: z.literal('failed'),
    error: agentErrorSchema,
    result: z.unknown().optional(),
  }),
  z.strictObject({ state: z.literal('cancelled') }),
]);

export const agentFinishSchema = z.strictObject({ lease, outcome: agentOutcomeSchema });
export const agentReleaseSchema = z.strictObject({ lease, error: agentErrorSchema });
export const agentFinishedSchema = z.object({ taken: z.boolean() });

/** Who runs agents, and what they serve. */
export const agentSchema = z.object({
  name: z.string(),
  databases: z.array(z.string()),
  version: z.string(),
  /** Id of the token that it came with. */
  token: z.string(),
  firstSeenAt: z.string(),
  lastSeenAt: z.string(),
});
export type Agent = z.infer<typeof agentSchema>;

const text = z.string().max(20_000);
const short = z.string().max(500);
const time = z.string().max(40);
const named = z.looseObject({ id: short, tag: short });

const copySchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('clone'), database: short, method: short }),
  z.looseObject({
    type: z.literal('archive'),
    location: z.string().max(2_000),
    sizeBytes: z.number(),
    sha256: short,
    encrypted: z.boolean(),
    drill: z.looseObject({
      status: z.enum(['proven', 'failed', 'not-run']),
      at: time.nullable(),
    }),
    dataOf: z.array(short).optional(),
  }),
]);

const snapshotSchema = z.looseObject({
  id: short,
  tag: short,
  description: text,
  createdAt: time,
  target: z.looseObject({ server: short, database: short }),
  reason: short,
  git: z.looseObject({ branch: short.nullable(), commit: short, dirty: z.boolean() }).nullable(),
  copies: z.array(copySchema).max(20),
  fingerprint: z
    .looseObject({
      schemaChecksum: short,
      tables: z.number(),
      rows: z.number(),
      rowCounts: z.record(z.string(), z.number()),
      sequences: z.record(z.string(), z.looseObject({ lastValue: short, isCalled: z.boolean() })),
    })
    .nullable(),
  sizeBytes: z.number(),
  durationMs: z.number(),
  protectedUntil: time.nullable(),
  parent: short.nullable(),
  serverVersion: z.number(),
});

const branchSchema = z.looseObject({
  name: short,
  database: short,
  url: z.string().max(4_000).optional(),
  isolation: short,
  state: short,
  basedOn: short.nullable(),
  createdAt: time,
  expiresAt: time.nullable(),
  isProtected: z.boolean(),
  gitBranch: short.nullable(),
  sizeBytes: z.number().nullable(),
});

const versionSchema = z.looseObject({
  id: short,
  version: short,
  name: short,
  tool: short,
  checksum: short.nullable(),
  partial: z.boolean(),
  applied: z.array(short).max(100_000),
  parents: z.array(short),
  children: z.array(short),
  at: time.nullable(),
  lastAt: time.nullable(),
  reached: z.number(),
  isCurrent: z.boolean(),
  isHead: z.boolean(),
});

const ledgerEntrySchema = z.looseObject({
  belay: z.number(),
  number: z.number(),
  previous: short.nullable(),
  at: time,
  actor: z.looseObject({ user: short, host: short, version: short }),
  nonce: short,
  action: short,
  target: z.looseObject({ server: short, database: short }).nullable(),
  snapshot: named.nullable(),
  outcome: short,
  rows: z.number().nullable(),
  details: z.record(z.string(), z.unknown()),
});

/** An {@link Inventory} as it comes from outside: every field that something reads has its type. */
export const inventorySchema = z.strictObject({
  database: databaseNameSchema,
  at: time,
  problem: z.object({ code: short, message: text, hint: text.optional() }).nullable(),
  server: short.nullable(),
  serverVersion: z.number().nullable(),
  sizeBytes: z.number().nullable(),
  snapshots: z.array(snapshotSchema).max(20_000),
  basedOn: z.object({ id: short, tag: short, since: time }).nullable(),
  undo: z.object({ id: short, tag: short }).nullable(),
  branches: z.array(branchSchema).max(5_000),
  versions: z.array(versionSchema).max(20_000),
  ledger: z.array(ledgerEntrySchema).max(500),
});

/** A document as JSON that PostgreSQL can keep: NULs and halves of characters become the replacement character. */
export function toStorableJson(document: unknown): string {
  return JSON.stringify(document, (_key, value) =>
    typeof value === 'string' ? value.replace(/\0|\p{Cs}/gu, '\ufffd') : value,
  );
}
