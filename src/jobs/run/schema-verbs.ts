import { evaluatePolicy } from '../../domain/impact/policy.js';
import { BelayError } from '../../errors.js';
import { planInput } from '../../features/plan/plan-input.js';
import { rehearseMigration } from '../../features/rehearsal/rehearse.js';
import { executeRollback } from '../../features/rollback/execute.js';
import { planRollback } from '../../features/rollback/plan.js';
import { compareSchemaSides } from '../../features/schema/compare.js';
import { readDrift } from '../../features/schema/read-drift.js';
import { showSchema } from '../../features/schema/show.js';
import { createSchemaSnapshot } from '../../features/schema/snapshot.js';
import { diffSnapshots } from '../../features/snapshot/diff.js';
import { readStatus } from '../../features/target/status.js';
import { approved, type JobEnd, type JobVerbs, type JobWork, sessionsOf } from './job-work.js';
import { rehearsalLimits } from './rehearsal-limits.js';
import { scriptText } from './script-text.js';
import { withSqlFile } from './sql-file.js';

type SchemaJob =
  | 'diff'
  | 'schema-diff'
  | 'schema-snapshot'
  | 'schema-show'
  | 'status'
  | 'drift'
  | 'plan'
  | 'rehearse'
  | 'rollback-plan'
  | 'rollback';

/** Schemas and states are compared, and migrations weighed, tried and taken back. */
export const schemaVerbs: JobVerbs<SchemaJob> = {
  diff: async ({ target, input, options }) => ({
    result: await diffSnapshots(target, { ...options, ...input }),
  }),
  'schema-diff': compareSides,
  'schema-snapshot': async ({ target, options }) => ({
    result: await createSchemaSnapshot(target, { ...options, cwd: target.cwd }),
  }),
  'schema-show': async ({ target, input, options }) => ({
    result: await showSchema(target, { ...options, reference: input.reference }),
  }),
  status: async ({ target }) => ({ result: await readStatus(target) }),
  drift: async ({ target, options }) => ({ result: await readDrift(target, options) }),
  plan: ({ target, input, options, config }) =>
    withSqlFile(target, input, async (inFolder, file) => {
      const found = await planInput(inFolder, { ...options, input: [file] });
      const policy = config?.migrations?.policy;
      return { result: policy ? { ...found, policy: evaluatePolicy(found, policy) } : found };
    }),
  // A migration that fails on the copy is what one wanted to know: a result.
  rehearse: (work) =>
    withSqlFile(work.target, work.input, async (inFolder, file) => ({
      result: await rehearseMigration(inFolder, {
        ...{ ...work.options, ...rehearsalLimits(work), inputs: [file] },
        sessions: work.config?.sessions,
      }),
    })),
  'rollback-plan': async ({ target, input, options }) => ({
    result: await planRollback(target, { ...options, ...input }),
  }),
  rollback,
};

async function compareSides({ target, input, options }: JobWork<'schema-diff'>): Promise<JobEnd> {
  const compared = await compareSchemaSides(target, { ...options, ...input });
  const { script, ...comparison } = compared;
  if (!script) return { result: comparison };
  const { statements, unresolved } = script;
  return { result: { ...comparison, sql: scriptText(script), statements, unresolved } };
}

async function rollback(work: JobWork<'rollback'>): Promise<JobEnd> {
  const { target, input, options } = work;
  const { version, force, data, confirm } = input;
  const approval = approved(work, 'roll back', confirm);
  const result = await executeRollback(target, {
    ...{ ...options, ...approval, version, force, data },
    ...{ sessions: sessionsOf(work), cwd: target.cwd },
  });
  if (result.ok) return { result };
  const failure = new BelayError(
    'ROLLBACK_FAILED',
    `"${work.name}" is at ${result.to}, but its schema is not what the plan said`,
    {
      hint: 'Look at `differences` in the result; undo brings the state before the rollback back.',
    },
  );
  return { result, failure };
}
