import { loadedBranches } from '../../config/branches-config.js';
import type { BranchIsolation } from '../../domain/branch.js';
import {
  decideGc,
  type GcDecision,
  type GcPolicy,
  type GcReason,
  remainingQuotaProblem,
} from '../../domain/branch-gc.js';
import { BelayError } from '../../errors.js';
import { recorded } from '../ledger/recorded.js';
import type { Target } from '../target/open-target.js';
import { throwIfAborted, underLock, type Work, type WorkOptions } from '../target/work.js';
import { type BranchLoss, measureLoss, removeBranch } from './delete.js';
import type { FoundBranch } from './driver.js';
import { findBranches } from './find-branch.js';
import { collectCandidates } from './gc-candidates.js';
import {
  dependantOf,
  type GcLeftover,
  lookOnly,
  previewLeftovers,
  removeAllLeftovers,
} from './gc-leftovers.js';

export type { GcLeftover } from './gc-leftovers.js';

export interface GcBranchesOptions extends WorkOptions {
  /** Only say what would go. */
  readonly dryRun?: boolean | undefined;
  /**
   * Asked before anything goes that was not announced by its expiry. Without it that is refused.
   * @param losses what would go, with exact numbers
   */
  readonly confirm?: ((losses: readonly GcLoss[]) => boolean | Promise<boolean>) | undefined;
  /** What counts as a reason; default: everything. */
  readonly reasons?: readonly GcReason[] | undefined;
  /** For how long after its last use a merged branch stays; default an hour, as exact as the last use is known. */
  readonly graceMs?: number | undefined;
  /** Default: now. */
  readonly now?: Date | undefined;
}

/** What the removal of a branch would remove for good. */
export interface GcLoss extends Pick<BranchLoss, 'rows' | 'logicalBytes' | 'snapshots'> {
  readonly name: string;
  readonly why: string;
}

/** A branch that goes. */
export interface RemovedBranch {
  readonly name: string;
  readonly isolation: BranchIsolation;
  readonly database: string;
  readonly reason: GcReason;
  readonly why: string;
  /** What only it had on disk; where that cannot be seen, what the server says. */
  readonly sizeBytes: number;
}

export interface GcResult {
  readonly ok: true;
  readonly dryRun: boolean;
  readonly removed: readonly RemovedBranch[];
  readonly kept: readonly { readonly name: string; readonly why: string }[];
  readonly leftovers: readonly GcLeftover[];
  /** Of the branches, by `sizeBytes`: at least so much, since what only two of them shared is free as well. */
  readonly freedBytes: number;
  /** In what the branches that stay are still over the quota; null: they are not. */
  readonly overQuota: string | null;
}

const defaultGraceMs = 3_600_000;

/**
 * Removes branches that have expired, whose git branch was merged or deleted, or that are over the quota of the config;
 * and what interrupted runs left of branches. Never one that is protected or in use, or from which another starts.
 *
 * @example
 * const { removed, kept } = await gcBranches(root, { dryRun: true });
 * @throws BelayError NOT_CONFIRMED, LOCKED
 */
export async function gcBranches(root: Target, options: GcBranchesOptions = {}): Promise<GcResult> {
  const policy = await policyOf(root, options);
  const decisions = await decide(root, policy, options);
  if (options.dryRun) return lookOnly(root, options, (work) => preview(work, decisions, policy));
  const branches = await findBranches(root);
  const losses = await measureLosses(root, decisions, branches);
  await confirmLosses(losses, options.confirm);
  return recorded(
    root,
    'branch-gc',
    options.reporter,
    () => underLock(root, options, (work) => collect(work, decisions, policy, options)),
    ({ removed, leftovers }) =>
      removed.length + leftovers.length === 0
        ? null
        : {
            ...{ snapshot: null, rows: sumOfRows(losses) },
            details: {
              branches: removed.map(({ name, why }) => ({ name, why })),
              leftovers: leftovers.map(({ name }) => name),
            },
          },
  );
}

async function policyOf(root: Target, options: GcBranchesOptions): Promise<GcPolicy> {
  const { maxBranches, maxBytes } = await loadedBranches(root);
  const { now = new Date(), graceMs = defaultGraceMs, reasons } = options;
  return { now, graceMs, maxBranches, maxBytes, reasons };
}

async function decide(
  root: Target,
  policy: GcPolicy,
  { signal }: GcBranchesOptions,
): Promise<GcDecision[]> {
  const { main } = await loadedBranches(root);
  const asksGit = ['git-deleted', 'git-merged'] as const;
  const candidates = await collectCandidates(root, await findBranches(root), {
    withSizes: true,
    withGit: asksGit.some((reason) => policy.reasons?.includes(reason) ?? true),
    ...{ main, signal },
  });
  return decideGc(candidates, policy);
}

const isGoing = ({ reason }: GcDecision) => reason !== null;

/** What was not announced: somebody has to say that it may go. */
async function measureLosses(
  root: Target,
  decisions: readonly GcDecision[],
  branches: readonly FoundBranch[],
): Promise<GcLoss[]> {
  const losses: GcLoss[] = [];
  for (const { candidate, reason, why } of decisions) {
    if (reason === null || reason === 'expired' || reason === 'lost') continue;
    const branch = branches.find(({ record }) => record.id === candidate.record.id);
    if (!branch) continue;
    const { rows, logicalBytes, snapshots } = await measureLoss(root, branch);
    losses.push({ name: branch.record.name, why, rows, logicalBytes, snapshots });
  }
  return losses;
}

const sumOfRows = (losses: readonly GcLoss[]) =>
  losses.reduce<number | null>(
    (sum, { rows }) => (sum === null || rows === null ? null : sum + rows),
    0,
  );

/** @throws BelayError NOT_CONFIRMED */
async function confirmLosses(
  losses: readonly GcLoss[],
  confirm: GcBranchesOptions['confirm'],
): Promise<void> {
  if (losses.length === 0 || (confirm && (await confirm(losses)))) return;
  const named = losses.map(
    ({ name, why, rows }) =>
      `"${name}" (${why}; ${rows === null ? 'rows not counted' : `${rows} rows`})`,
  );
  throw new BelayError('NOT_CONFIRMED', `gc would remove for good: ${named.join(', ')}`, {
    hint: 'Nothing was removed. --yes removes them all, --expired only what has expired.',
    details: { losses },
  });
}

async function preview(
  work: Work,
  decisions: readonly GcDecision[],
  policy: GcPolicy,
): Promise<GcResult> {
  const going = decisions.filter(isGoing).map(({ candidate }) => candidate.record.id);
  const leftovers = await previewLeftovers(work, going);
  return { ...resultOf(decisions, policy), dryRun: true, leftovers };
}

/** Decides once more, now that nobody else can change a branch: somebody may have begun to work in one since. */
async function collect(
  work: Work,
  before: readonly GcDecision[],
  policy: GcPolicy,
  options: GcBranchesOptions,
): Promise<GcResult> {
  const { target, reporter } = work;
  const approved = new Set(before.filter(isGoing).map(({ candidate }) => candidate.record.id));
  const decisions: GcDecision[] = [];
  const bases: string[] = [];
  for (const decision of await decide(target, policy, options)) {
    throwIfAborted(work.signal);
    if (!isGoing(decision)) decisions.push(decision);
    else if (!approved.has(decision.candidate.record.id)) {
      decisions.push({ ...decision, reason: null, why: `${decision.why}, as of just now` });
    } else {
      const done = await removeDecided(work, decision);
      if (done.reason === null)
        reporter({ type: 'warning', message: `"${nameOf(done)}": ${done.why}` });
      bases.push(...done.bases);
      decisions.push(done);
    }
  }
  const leftovers = await removeAllLeftovers(work, bases);
  return { ...resultOf(decisions, policy), dryRun: false, leftovers };
}

const nameOf = ({ candidate }: GcDecision) => candidate.record.name;

/** One that cannot be removed stays, and says why: the others go all the same. */
async function removeDecided(
  work: Work,
  decision: GcDecision,
): Promise<GcDecision & { readonly bases: readonly string[] }> {
  const branches = await findBranches(work.target);
  const branch = branches.find(({ record }) => record.id === decision.candidate.record.id);
  if (!branch) return { ...decision, bases: [] };
  // One that was to go before this one, and could not be removed.
  const dependant = dependantOf(branch, branches);
  if (dependant) {
    const why = `${decision.why}, but branch ${dependant.record.name} starts from it`;
    return { ...decision, reason: null, why, bases: [] };
  }
  try {
    // Whoever has come since it was decided is at work in it.
    return { ...decision, bases: await removeBranch(work, branch, 'fail') };
  } catch (error) {
    if (!(error instanceof BelayError) || error.kind === 'bug') throw error;
    if (work.signal?.aborted) throw error;
    const why = `${decision.why}, but it cannot be removed: ${error.message}`;
    return { ...decision, reason: null, why, bases: [] };
  }
}

function resultOf(
  decisions: readonly GcDecision[],
  policy: GcPolicy,
): Pick<GcResult, 'ok' | 'removed' | 'kept' | 'freedBytes' | 'overQuota'> {
  const removed = decisions.flatMap(({ candidate, reason, why }): RemovedBranch[] => {
    const { name, isolation, database } = candidate.record;
    const { sizeBytes } = candidate;
    return reason === null ? [] : [{ name, isolation, database, reason, why, sizeBytes }];
  });
  const kept = decisions
    .filter((one) => !isGoing(one))
    .map((one) => ({ name: nameOf(one), why: one.why }));
  const freedBytes = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const overQuota = remainingQuotaProblem(decisions, policy);
  return { ok: true, removed, kept, freedBytes, overQuota };
}
