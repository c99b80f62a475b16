import type { JobInput } from '../../contract/job.js';
import type { SessionPolicy } from '../../domain/database-session.js';
import { parseDuration } from '../../domain/duration.js';
import type { RunOptions } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { takeCheckpoint } from '../../features/archive/checkpoint.js';
import { verifyArchives } from '../../features/archive/verify-archives.js';
import { createBranch } from '../../features/branch/create.js';
import { showBranch } from '../../features/branch/list.js';
import { planInput } from '../../features/plan/plan-input.js';
import { rehearseMigration } from '../../features/rehearsal/rehearse.js';
import { planRollback } from '../../features/rollback/plan.js';
import { compareSchemaSides } from '../../features/schema/compare.js';
import { readDrift } from '../../features/schema/read-drift.js';
import { showSchema } from '../../features/schema/show.js';
import { diffSnapshots } from '../../features/snapshot/diff.js';
import { restoreSnapshot } from '../../features/snapshot/restore.js';
import { switchSnapshot } from '../../features/snapshot/switch.js';
import { takeSnapshot } from '../../features/snapshot/take.js';
import { undoRestore } from '../../features/snapshot/undo.js';
import { restoreSnapshotTables } from '../../features/table/restore-snapshot-tables.js';
import type { Target } from '../../features/target/open-target.js';
import { readStatus } from '../../features/target/status.js';
import type { ToolVerb } from '../executor.js';

/** What a verb works with beside its input. */
export interface VerbOptions extends RunOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** The configuration's. */
  readonly sessions: SessionPolicy | undefined;
  /** `--allow-production` of the command line that started the server. */
  readonly allowProduction: string | undefined;
}

type Verb<T extends ToolVerb> = (
  target: Target,
  input: JobInput<T>,
  options: VerbOptions,
) => Promise<unknown>;

/** The library's function of each verb. */
export const verbs: { readonly [T in ToolVerb]: Verb<T> } = {
  status: (target) => readStatus(target),
  'schema-show': (target, input, options) => showSchema(target, { ...options, ...input }),
  'schema-diff': async (target, input, options) => {
    const { script, ...comparison } = await compareSchemaSides(target, { ...options, ...input });
    if (!script) return comparison;
    const { statements, unresolved } = script;
    return { ...comparison, statements, unresolved };
  },
  diff: (target, input, options) => diffSnapshots(target, { ...options, ...input }),
  drift: (target, _input, options) => readDrift(target, options),
  plan: (target, { sql }, options) => planInput(target, { ...options, input: { stdin: sql } }),
  rehearse: (target, { sql }, options) =>
    rehearseMigration(target, { ...options, inputs: { stdin: sql }, commandStdout: 'stderr' }),
  'rollback-plan': (target, input, options) => planRollback(target, { ...options, ...input }),
  verify: (target, input, options) => verifyArchives(target, { ...options, ...input }),
  checkpoint: makeCheckpoint,
  snapshot: (target, input, options) => takeSnapshot(target, { ...options, ...given(input) }),
  'branch-create': async (root, { ttl, ...input }, options) => {
    const ttlMs = ttl === undefined ? undefined : parseDuration(ttl);
    const made = await createBranch(root, { ...options, ...input, ttlMs });
    return { ...showBranch(made.branch), created: made.created, durationMs: made.durationMs };
  },
  restore: (target, { reference, tables }, options) =>
    tables === undefined
      ? restoreSnapshot(target, { ...options, reference })
      : restoreSnapshotTables(target, { ...options, reference, tables }),
  switch: (target, { reference, save }, options) =>
    switchSnapshot(target, { ...options, reference, save }),
  undo: (target, _input, options) => undoRestore(target, options),
};

/** So that what was not given does not hide the configuration's. */
function given<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, one]) => one !== undefined)) as T;
}

/** @throws BelayError NOT_PROVEN: an assistant must not take an archive for a way back that is none */
async function makeCheckpoint(
  target: Target,
  input: JobInput<'checkpoint'>,
  options: VerbOptions,
): Promise<unknown> {
  const { tag, description } = input;
  const made = await takeCheckpoint(target, { ...options, tag, description });
  if (made.ok) return made;
  throw new BelayError('NOT_PROVEN', `the checkpoint "${made.tag}" is sealed and not proven`, {
    hint: `\`belay drill ${made.tag}\` tries again and tells what differs. Do not change anything that you could not bring back.`,
    details: { differences: made.differences },
  });
}
