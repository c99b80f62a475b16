/** The only importer of zod, which is slow to load: import this file when there is a config to check. */
import { z } from 'zod';
import { branchIsolations } from '../domain/branch.js';
import { parseDuration } from '../domain/duration.js';
import { isPolicyName, similarPolicyNames } from '../domain/impact/policy.js';
import type { BelayConfig } from './config.js';

const text = z.string().min(1);

const duration = z.string().refine((value) => {
  try {
    return parseDuration(value) > 0;
  } catch {
    return false;
  }
}, 'expected a duration such as 30s, 12h, 7d or 2w');

const target = z.strictObject({
  url: text,
  environment: z.enum(['development', 'production']).optional(),
  maintenanceDatabase: text.optional(),
});

const policyName = z.string().superRefine((name, context) => {
  if (isPolicyName(name)) return;
  const similar = similarPolicyNames(name);
  const like = similar.length > 0 ? ` (${similar.join(', ')})` : '';
  context.addIssue({ code: 'custom', message: `expected a rule or a group of rules${like}` });
});

const policy = z.strictObject({
  refuse: z.array(policyName).optional(),
  warn: z.array(policyName).optional(),
  maxRecordsAtRisk: z.int().nonnegative().optional(),
  ignoreTablesBelowRows: z.int().nonnegative().optional(),
});

const branches = z.strictObject({
  isolation: z.enum(branchIsolations).optional(),
  schema: text.optional(),
  ttl: z
    .strictObject({
      manual: duration.optional(),
      git: duration.optional(),
      ci: duration.optional(),
    })
    .optional(),
  onCheckout: z.enum(['create', 'switch', 'off']).optional(),
  main: z.array(text).optional(),
  envFile: text.optional(),
  variable: text.optional(),
  maxBranches: z.int().positive().optional(),
  maxBytes: z.int().positive().optional(),
  autoStop: duration.optional(),
  folder: text.optional(),
});

const config = z.strictObject({
  $schema: z.string().optional(),
  defaultTarget: text.optional(),
  targets: z.record(text, target).default({}),
  store: text.optional(),
  sessions: z.enum(['wait', 'terminate', 'fail']).optional(),
  migrations: z
    .strictObject({
      tool: text.optional(),
      directory: text.optional(),
      autoSnapshot: z.boolean().optional(),
      keep: z.int().positive().optional(),
      history: z.enum(['database', 'store']).optional(),
      backup: z.enum(['none', 'files', 'database']).optional(),
      policy: policy.optional(),
    })
    .optional(),
  rehearsal: z
    .strictObject({
      maxRecordsLost: z.int().nonnegative().optional(),
      maxValuesChanged: z.int().nonnegative().optional(),
      maxExclusiveLockMs: z.int().nonnegative().optional(),
      maxDurationMs: z.int().positive().optional(),
      maxWalBytes: z.int().nonnegative().optional(),
      maxProbesBroken: z.int().nonnegative().optional(),
      probes: text.optional(),
      timeout: duration.optional(),
    })
    .optional(),
  branches: branches.optional(),
  retention: z
    .strictObject({
      keepLast: z.int().positive().optional(),
      keepWithin: duration.optional(),
    })
    .optional(),
}) satisfies z.ZodType<BelayConfig>;

export interface ConfigIssue {
  /** e.g. `targets.dev.url`; empty for the whole document. */
  readonly key: string;
  readonly expected: string;
}

/** Checks a parsed document. Messages name types and keys, never values: a URL may hold a password. */
export function validateConfig(document: unknown): BelayConfig | readonly ConfigIssue[] {
  const result = config.safeParse(document);
  if (!result.success) {
    return result.error.issues.map((issue) => ({
      key: issue.path.join('.'),
      expected: describeIssue(issue),
    }));
  }
  const { defaultTarget, targets } = result.data;
  if (defaultTarget !== undefined && !Object.hasOwn(targets, defaultTarget)) {
    const names = Object.keys(targets).join(', ') || 'none is defined';
    return [{ key: 'defaultTarget', expected: `expected the name of a target (${names})` }];
  }
  return result.data;
}

function describeIssue(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `expected only known keys, found ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
    case 'invalid_type':
      return `expected ${issue.expected === 'record' ? 'object' : issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values.map((value) => `"${String(value)}"`).join(' or ')}`;
    case 'too_small':
      if (issue.origin === 'string') return 'expected a text that is not empty';
      return `expected ${issue.inclusive ? issue.minimum : Number(issue.minimum) + 1} or more`;
    default:
      return issue.message;
  }
}
