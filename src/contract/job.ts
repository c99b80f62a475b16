import { z } from 'zod';
import {
  databaseNameSchema,
  descriptionSchema,
  durationSchema,
  referenceSchema,
  schemaSideSchema,
  tagSchema,
  textSchema,
  timeSchema,
} from './names.js';

/** psql would read other files, and those are of the machine that does the job. */
const includesFile = /\\(?:i|ir|include|include_relative)(?:\s|$)/;
const sql = textSchema(1, 4 * 1024 * 1024).refine(
  (text) => !includesFile.test(text),
  'must not include files (\\i): send their text',
);
const table = textSchema(3, 200);
/** The registered name, typed again: asked for where the database is production. */
const confirm = textSchema(0, 63).optional();

/**
 * What a job of each kind is given. The kinds are the library's verbs; what a job ends with is what the library's function
 * returns, the same document as the command line's `--json`.
 */
export const jobInputs = {
  checkpoint: z.strictObject({
    tag: tagSchema.optional(),
    description: descriptionSchema.optional(),
    lockDays: z.int().min(1).max(36_500).optional(),
    encryptTo: z.array(textSchema(1, 4_000)).max(20).optional(),
  }),
  snapshot: z.strictObject({
    tag: tagSchema,
    description: descriptionSchema.optional(),
    archive: z.boolean().optional(),
    sessions: z.enum(['terminate', 'wait', 'fail']).optional(),
  }),
  restore: z.strictObject({
    reference: referenceSchema,
    to: textSchema(1, 63).optional(),
    tables: z.array(table).max(500).optional(),
    confirm,
  }),
  /** What a restore would replace, measured now. Ends with a `RestorePreview`. */
  'restore-preview': z.strictObject({
    reference: referenceSchema,
    to: textSchema(1, 63).optional(),
    tables: z.array(table).max(500).optional(),
  }),
  switch: z.strictObject({ reference: referenceSchema, save: tagSchema.optional(), confirm }),
  undo: z.strictObject({ confirm }),
  'delete-snapshot': z.strictObject({ reference: referenceSchema, confirm }),
  rename: z.strictObject({ reference: referenceSchema, tag: tagSchema }),
  protect: z.strictObject({ reference: referenceSchema, until: timeSchema.nullable().optional() }),
  unprotect: z.strictObject({ reference: referenceSchema }),
  prune: z.strictObject({
    keepLast: z.int().min(0).optional(),
    keepWithin: durationSchema.optional(),
    dryRun: z.boolean().optional(),
    confirm,
  }),
  drill: z.strictObject({ reference: referenceSchema }),
  /** Drills again the archives whose last proof is older, oldest first. */
  'drill-old': z.strictObject({
    olderThan: durationSchema,
    limit: z.int().min(1).max(1_000).optional(),
  }),
  verify: z.strictObject({ reference: referenceSchema.optional() }),
  diff: z.strictObject({ a: referenceSchema, b: referenceSchema, data: z.boolean().optional() }),
  'schema-diff': z.strictObject({
    a: schemaSideSchema,
    b: schemaSideSchema,
    sql: z.boolean().optional(),
  }),
  'schema-snapshot': z.strictObject({ description: descriptionSchema.optional() }),
  drift: z.strictObject({}),
  plan: z.strictObject({ sql, name: textSchema(0, 200).optional() }),
  rehearse: z.strictObject({ sql, name: textSchema(0, 200).optional() }),
  'rollback-plan': z.strictObject({
    version: textSchema(1, 200),
    data: z.boolean().optional(),
  }),
  rollback: z.strictObject({
    version: textSchema(1, 200),
    force: z.boolean().optional(),
    data: z.boolean().optional(),
    confirm,
  }),
  'branch-create': z.strictObject({
    name: textSchema(1, 200),
    from: referenceSchema.optional(),
    isolation: z.enum(['database', 'schema', 'cluster']).optional(),
    ttl: durationSchema.optional(),
  }),
  'branch-reset': z.strictObject({ name: textSchema(1, 200) }),
  'branch-delete': z.strictObject({ name: textSchema(1, 200), confirm }),
  'branch-gc': z.strictObject({ dryRun: z.boolean().optional() }),
  /** Entries of the ledger that are about the database, newest first, with numbers below `before`. Ends with `{entries, next}`. */
  ledger: z.strictObject({
    before: z.int().min(1).optional(),
    limit: z.int().min(1).max(500).optional(),
  }),
  /** Proves the whole ledger of the database's store. Ends with a `LedgerVerification`. */
  'ledger-verify': z.strictObject({}),
  /** What `belay status --json` says. Ends with a `TargetStatus`. */
  status: z.strictObject({}),
  /** The schema as plain data, what `belay schema show --json` prints. */
  'schema-show': z.strictObject({ reference: schemaSideSchema.optional() }),
  /** Reads anew what the server shows of a database: timeline, branches, versions, sizes. */
  inventory: z.strictObject({}),
} as const;

export type JobType = keyof typeof jobInputs;
export const jobTypes = Object.keys(jobInputs) as readonly JobType[];
export type JobInput<T extends JobType = JobType> = z.infer<(typeof jobInputs)[T]>;

export const jobStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type JobState = (typeof jobStates)[number];

/** What one sees of the progress: the library's own events. */
export const progressEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('step'),
    name: z.string(),
    detail: z.string().optional(),
    sizeBytes: z.number().optional(),
    estimateMs: z.number().optional(),
    basis: z.string().optional(),
  }),
  z.object({ type: z.literal('step-done'), name: z.string(), durationMs: z.number() }),
  z.object({ type: z.literal('note'), message: z.string() }),
  z.object({ type: z.literal('warning'), message: z.string() }),
]);

export const jobErrorSchema = z.object({
  code: z.string(),
  kind: z.enum(['user', 'environment', 'bug']),
  message: z.string(),
  hint: z.string().optional(),
});
export type JobError = z.infer<typeof jobErrorSchema>;

export const jobSchema = z.object({
  id: z.string(),
  database: databaseNameSchema,
  type: z.enum(jobTypes as [JobType, ...JobType[]]),
  state: z.enum(jobStates),
  /** Who asked: "token deploy (tok_…)", "person ada", "schedule nightly". */
  requestedBy: z.string(),
  input: z.record(z.string(), z.unknown()),
  /** What the library returned; null until it has succeeded. A checkpoint that was not proven has failed, and has one too. */
  result: z.unknown(),
  error: jobErrorSchema.nullable(),
  /** The step that runs now, or ran last. */
  step: z.string().nullable(),
  /** Of the server or agent that runs it. */
  worker: z.string().nullable(),
  /** 1 is the first. */
  attempt: z.int(),
  createdAt: timeSchema,
  startedAt: timeSchema.nullable(),
  finishedAt: timeSchema.nullable(),
});
export type Job = z.infer<typeof jobSchema>;

/** One line of a job's story; `seq` is what a reader that was cut off goes on from. */
export const jobEventSchema = z.object({
  seq: z.int(),
  at: timeSchema,
  event: z.union([
    progressEventSchema,
    z.object({ type: z.literal('state'), state: z.enum(jobStates), worker: z.string().nullable() }),
  ]),
});
export type JobEvent = z.infer<typeof jobEventSchema>;
