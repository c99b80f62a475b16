import { hostname } from 'node:os';
import { loadedBranches } from '../../config/branches-config.js';
import { type CheckoutEvent, type CheckoutPlan, planCheckout } from '../../config/checkout-plan.js';
import { loadConfig } from '../../config/load-config.js';
import { branchDatabaseName } from '../../domain/branch-name.js';
import {
  branchForGit,
  type GitIdentity,
  isForGitBranch,
  nameForGit,
} from '../../domain/git-branch-match.js';
import { BelayError, toBelayError } from '../../errors.js';
import { readGitState } from '../../process/git.js';
import { hasGitBranch, readFormerNames } from '../../process/git-branches.js';
import { guardProduction } from '../target/guard.js';
import type { OpenTargetOptions, Target } from '../target/open-target.js';
import type { WorkOptions } from '../target/work.js';
import { changeRecord, noteUse } from './change-record.js';
import { createBranch } from './create.js';
import type { FoundBranch } from './driver.js';
import { findBranches, openRoot } from './find-branch.js';
import { chooseBase } from './nearest-base.js';
import { startBranchServer } from './start-server.js';
import { leaveBranch, switchToBranch } from './switch-to.js';

export interface FollowGitOptions extends WorkOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** What asks; default: a person. */
  readonly event?: CheckoutEvent | undefined;
  /** How the target is found, where a person says it. */
  readonly target?:
    | Pick<OpenTargetOptions, 'url' | 'target' | 'maintenanceDatabase' | 'store'>
    | undefined;
}

/** What a checkout has led to. */
export interface FollowedGit {
  /** "none": nothing was to be done; "absent": the git branch has no branch, and the config says to make none. */
  readonly action: 'none' | 'target' | 'switched' | 'created' | 'renamed' | 'absent';
  readonly gitBranch: string | null;
  /** Name of the current branch now; null: the target itself. */
  readonly branch: string | null;
  readonly database: string | null;
  /** Why nothing was done, what it starts from, what to know. */
  readonly notes: readonly string[];
}

/** So often HEAD may move on during the work. */
const maxRounds = 5;

/**
 * Leads a working tree to the database of its git branch, as the config says: to the branch made for it, to a new one, or
 * for a main branch back to the target itself. If HEAD has moved on meanwhile, it follows again: of two checkouts at once,
 * the last one decides for both.
 *
 * @example
 * const { action, branch } = await followGitBranch({ cwd: process.cwd(), env: process.env });
 * @throws BelayError as `createBranch` and `switchToBranch`; PRODUCTION_GUARD where it would make a branch on a server that
 *   may be production
 */
export async function followGitBranch(options: FollowGitOptions): Promise<FollowedGit> {
  const { cwd, env } = options;
  let root: Target | undefined;
  let result: FollowedGit | undefined;
  let event: CheckoutEvent = options.event ?? { hook: 'follow', args: [] };
  try {
    for (let round = 0; round < maxRounds; round += 1) {
      const plan = await planCheckout({ cwd, env, event });
      if (plan.todo === 'nothing') return result ?? nothingDone(plan.why);
      // Nothing to be made, and nothing changes by looking again.
      if (result?.action === 'absent' && result.gitBranch === plan.gitBranch) return result;
      if (plan.todo === 'follow') root ??= await openRoot(targetOf(options));
      result =
        root && plan.todo === 'follow'
          ? await follow(root, plan, options)
          : await leave(plan, options);
      event = { hook: 'follow', args: [] };
    }
    return result ?? nothingDone('HEAD keeps moving');
  } finally {
    await root?.close();
  }
}

function targetOf({ cwd, env, target }: FollowGitOptions): OpenTargetOptions {
  return { ...target, cwd, env, follow: 'root', action: 'git checkout' };
}

const nothingDone = (why: string): FollowedGit => ({
  ...{ action: 'none', gitBranch: null, branch: null, database: null, notes: [why] },
});

type Plan = Exclude<CheckoutPlan, { todo: 'nothing' }>;

async function leave({ gitBranch }: Plan, place: FollowGitOptions): Promise<FollowedGit> {
  const { warnings } = await leaveBranch(place);
  return { action: 'target', gitBranch, branch: null, database: null, notes: warnings };
}

async function follow(root: Target, plan: Plan, options: FollowGitOptions): Promise<FollowedGit> {
  const { gitBranch, place } = plan;
  const identity = { branch: gitBranch, repository: place.commonFolder, host: hostname() };
  const branches = await findBranches(root);
  const found = branchForGit(branches, identity);
  if (found) return switchTo(root, found, 'switched', identity, options);
  const renamed = await findRenamed(branches, identity, plan);
  if (renamed) {
    const branch = await rename(root, renamed, branches, identity, options);
    const done = await switchTo(root, branch, 'renamed', identity, options);
    const note = `the git branch was "${renamed.record.git?.branch}" before, and keeps its database`;
    return { ...done, notes: [note, ...done.notes] };
  }
  const { onCheckout } = await loadedBranches(root);
  if (onCheckout === 'switch' || onCheckout === 'off') return stayWithout(plan, options);
  return create(root, branches, identity, options);
}

/** On the database of the git branch before, two lines of work would meet. */
async function stayWithout(plan: Plan, place: FollowGitOptions): Promise<FollowedGit> {
  const left = await leave(plan, place);
  const note = `git branch "${plan.gitBranch}" has no branch of its own; \`belay branch create ${JSON.stringify(plan.gitBranch)}\` makes one`;
  return { ...left, action: 'absent', notes: [note, ...left.notes] };
}

async function switchTo(
  root: Target,
  branch: FoundBranch,
  action: FollowedGit['action'],
  { branch: gitBranch }: GitIdentity,
  { cwd }: FollowGitOptions,
): Promise<FollowedGit> {
  const { name, database } = branch.record;
  if (branch.state === 'damaged') {
    throw new BelayError('BRANCH_DAMAGED', `branch "${name}" cannot be used: ${branch.problem}`, {
      hint: `\`belay branch delete ${JSON.stringify(name)}\` removes it; the next checkout makes a new one.`,
    });
  }
  const { warnings } = await switchToBranch(root, branch, { cwd, gitBranch });
  if (action !== 'created') await noteUse(root, branch);
  const notes = [...(await startIfStopped(branch, root)), ...warnings];
  return { action, gitBranch, branch: name, database, notes };
}

/** The switch itself is done by then: a server that does not start is a note. */
async function startIfStopped(branch: FoundBranch, { env }: Target): Promise<string[]> {
  if (branch.state !== 'stopped') return [];
  try {
    await startBranchServer(branch, { env });
    return [];
  } catch (error) {
    return [`its server does not start: ${toBelayError(error).message}`];
  }
}

/** `git branch -m` leaves a word in the reflog, and the old name is gone. */
async function findRenamed(
  branches: readonly FoundBranch[],
  identity: GitIdentity,
  { place }: Plan,
): Promise<FoundBranch | undefined> {
  for (const former of await readFormerNames(place, identity.branch)) {
    const found = branches.find(({ record }) =>
      isForGitBranch(record, { ...identity, branch: former }),
    );
    if (found && (await hasGitBranch(place, former)) === false) return found;
  }
  return undefined;
}

async function rename(
  root: Target,
  { record }: FoundBranch,
  branches: readonly FoundBranch[],
  identity: GitIdentity,
  options: FollowGitOptions,
): Promise<FoundBranch> {
  const isNamedSo = record.name === record.git?.branch;
  const isTaken = (name: string) => branches.some((branch) => branch.record.name === name);
  const name = isNamedSo ? nameForGit(identity, isTaken) : record.name;
  const git = record.git && { ...record.git, branch: identity.branch };
  return changeRecord(root, record.name, options, () => ({ name, git }));
}

async function create(
  root: Target,
  branches: readonly FoundBranch[],
  identity: GitIdentity,
  options: FollowGitOptions,
): Promise<FollowedGit> {
  refuseProduction(root, identity.branch);
  const { cwd, signal, reporter, lockWaitMs, sessionsWaitMs } = options;
  const work = { signal, reporter, lockWaitMs, sessionsWaitMs };
  const base = await chooseBase(root, { ...work, branches });
  const { commit = null } = (await readGitState(cwd)) ?? {};
  const name = nameForGit(identity, takenNames(root, branches));
  const made = await createBranch(root, {
    ...{ ...work, name, from: base.from, purpose: 'git', git: { ...identity, commit } },
    // Another checkout may be making it at this moment.
    ifExists: 'reuse',
    sessions: await sessionsOf(root),
  });
  const { branch } = made;
  // Somebody on another machine was faster, with a git branch of the same name.
  if (!branchForGit([branch], identity)) {
    return create(root, await findBranches(root), identity, options);
  }
  const done = await switchTo(root, branch, 'created', identity, options);
  return { ...done, notes: [...(base.note === null ? [] : [base.note]), ...done.notes] };
}

/** Also names whose database another branch has, e.g. one that had the name before its git branch was renamed. */
function takenNames(
  { database: root }: Target,
  branches: readonly FoundBranch[],
): (name: string) => boolean {
  const names = new Set(branches.map(({ record }) => record.name));
  const databases = new Set(branches.map(({ record }) => record.database));
  return (name) => names.has(name) || databases.has(branchDatabaseName(root, name));
}

async function sessionsOf({ cwd, env }: Target) {
  return (await loadConfig({ cwd, env }))?.config.sessions;
}

/** A person may make branches anywhere; a checkout must not be what copies a production database. */
function refuseProduction(root: Target, gitBranch: string): void {
  try {
    guardProduction(root, 'make a branch by a checkout of', {});
  } catch (error) {
    if (!(error instanceof BelayError)) throw error;
    throw new BelayError(error.code, error.message, {
      hint: `Set "environment": "development" for it in belay.config.json, or make the branch yourself: \`belay branch create ${JSON.stringify(gitBranch)}\`.`,
    });
  }
}
