import { parseDuration } from '../../domain/duration.js';
import { createBranch } from '../../features/branch/create.js';
import { deleteBranch } from '../../features/branch/delete.js';
import { gcBranches } from '../../features/branch/gc.js';
import { showBranch } from '../../features/branch/list.js';
import { resetBranch } from '../../features/branch/reset.js';
import { approved, type JobEnd, type JobVerbs, type JobWork, sessionsOf } from './job-work.js';

type BranchJob = 'branch-create' | 'branch-reset' | 'branch-delete' | 'branch-gc';

/** Branches are made, put back and removed. */
export const branchVerbs: JobVerbs<BranchJob> = {
  'branch-create': createOne,
  'branch-reset': async (work) => {
    const { target, input, options } = work;
    const order = { name: input.name, sessions: sessionsOf(work), cwd: target.cwd };
    return { result: await resetBranch(target, { ...options, ...order }) };
  },
  'branch-delete': async (work) => {
    const { target, input, options } = work;
    approved(work, 'delete a branch of', input.confirm);
    // Whoever may begin this job has said what goes.
    const order = { name: input.name, sessions: sessionsOf(work), confirm: () => true };
    return { result: await deleteBranch(target, { ...options, ...order }) };
  },
  'branch-gc': async ({ target, input, options }) => ({
    result: await gcBranches(target, { ...options, dryRun: input.dryRun, confirm: () => true }),
  }),
};

async function createOne(work: JobWork<'branch-create'>): Promise<JobEnd> {
  const { target, input, options } = work;
  const { name, from, isolation, ttl } = input;
  const made = await createBranch(target, {
    ...{ ...options, name, from, isolation, sessions: sessionsOf(work) },
    ttlMs: lifetime(ttl),
  });
  const { branch, created, durationMs } = made;
  // Without the password: a result is kept, and shown to whoever may see the job.
  return { result: { ...showBranch(branch), created, durationMs } };
}

/** Undefined: what the configuration says; null: for ever. */
function lifetime(ttl: string | undefined): number | null | undefined {
  if (ttl === undefined) return undefined;
  return ttl === 'none' ? null : parseDuration(ttl);
}
