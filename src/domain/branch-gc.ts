import { type BranchRecord, type BranchState, isBranchProtected, isExpired } from './branch.js';
import { forever } from './snapshot.js';

/** What has become of the git branch that a branch was made for. */
export type GitFate =
  /** It was made for none. */
  | 'none'
  /** It is there, and its work is not in the main branch. */
  | 'open'
  /** It was deleted. */
  | 'deleted'
  /** Its commits are in the main branch. */
  | 'merged'
  /** It followed a branch of a remote that is gone there, as after a merge as one commit. */
  | 'gone-upstream'
  /** Another repository's or another machine's, or git does not answer. */
  | 'unknown';

/** What is known of a branch when it is decided whether it stays. */
export interface GcCandidate {
  readonly record: BranchRecord;
  readonly state: BranchState;
  /** What its removal frees, as far as that is known. */
  readonly sizeBytes: number;
  /** Who uses it now, e.g. "2 sessions" or "current in /home/dev/shop"; empty: nobody who could be seen. */
  readonly uses: readonly string[];
  readonly gitFate: GitFate;
  /** Its data is gone, so that nothing but its record is left; `state` alone may also be a closed door. */
  readonly isLost: boolean;
}

export const gcReasons = ['lost', 'expired', 'git-deleted', 'git-merged', 'quota'] as const;
export type GcReason = (typeof gcReasons)[number];

/** What a branch is, and why it stays or goes. */
export interface GcDecision {
  readonly candidate: GcCandidate;
  /** Null: it stays. */
  readonly reason: GcReason | null;
  readonly why: string;
}

export interface GcPolicy {
  readonly now: Date;
  /** For how long after its last use a merged branch stays: somebody may still be at work on what follows. */
  readonly graceMs: number;
  readonly maxBranches?: number | undefined;
  readonly maxBytes?: number | undefined;
  /** Which reasons count; default: all. */
  readonly reasons?: readonly GcReason[] | undefined;
}

type Removals = Map<string, { readonly reason: GcReason; readonly why: string }>;

/**
 * Decides which branches go. Never one that is protected or in use, and never one from whose snapshots another starts
 * that stays. Those that go are in an order in which nothing is removed before what starts from it.
 */
export function decideGc(candidates: readonly GcCandidate[], policy: GcPolicy): GcDecision[] {
  const removals: Removals = new Map();
  removeByOwnReason(candidates, removals, policy);
  if (policy.reasons?.includes('quota') ?? true) applyQuota(candidates, removals, policy);
  const decisions = candidates.map((candidate): GcDecision => {
    const removal = removals.get(candidate.record.id);
    if (removal) return { candidate, ...removal };
    return { candidate, reason: null, why: whyKept(candidate, candidates, removals, policy) };
  });
  return dependantsFirst(decisions);
}

/**
 * Whether another branch starts from a snapshot in this one's timeline, and goes back to it by `reset`. Branches with a
 * server of their own keep their base themselves, and a schema has no timeline of its own.
 */
export function isNeededBy(base: BranchRecord, other: BranchRecord): boolean {
  return (
    base.isolation === 'database' &&
    other.id !== base.id &&
    other.isolation !== 'cluster' &&
    other.base.snapshotId !== null &&
    other.base.database === base.database
  );
}

/** When somebody last used it, as exact as an hour. */
function lastUseOf({ lastUsedAt, createdAt }: BranchRecord): number {
  return Date.parse(lastUsedAt ?? createdAt);
}

function isFree({ record, uses, isLost }: GcCandidate, now: Date): boolean {
  // Nothing is left to protect, and a session in it would prove that it is not lost.
  return uses.length === 0 && (isLost || !isBranchProtected(record, now));
}

/** Why a branch has to go by itself, whatever the others do. */
function ownReason(
  candidate: GcCandidate,
  policy: GcPolicy,
): { readonly reason: GcReason; readonly why: string } | undefined {
  const { record, gitFate, isLost } = candidate;
  const git = record.git?.branch ?? '';
  const isUsedLately = policy.now.getTime() - lastUseOf(record) < policy.graceMs;
  const rules: readonly (readonly [boolean, GcReason, string])[] = [
    [isLost, 'lost', 'its data is gone'],
    [isExpired(record, policy.now), 'expired', `expired ${record.expiresAt}`],
    [gitFate === 'deleted', 'git-deleted', `git branch ${git} was deleted`],
    [gitFate === 'merged' && !isUsedLately, 'git-merged', `git branch ${git} is merged`],
    [
      gitFate === 'gone-upstream' && !isUsedLately,
      'git-merged',
      `git branch ${git} is gone on its remote, as after a merge`,
    ],
  ];
  const { reasons = gcReasons } = policy;
  const found = rules.find(([holds, reason]) => holds && reasons.includes(reason));
  return found && { reason: found[1], why: found[2] };
}

function neededBy(
  { record }: GcCandidate,
  candidates: readonly GcCandidate[],
  removals: Removals,
): GcCandidate | undefined {
  return candidates.find(
    (other) => !removals.has(other.record.id) && isNeededBy(record, other.record),
  );
}

/** Those that have to go by themselves, but for what others that stay need. */
function removeByOwnReason(
  candidates: readonly GcCandidate[],
  removals: Removals,
  policy: GcPolicy,
): void {
  for (const one of candidates) {
    const removal = isFree(one, policy.now) ? ownReason(one, policy) : undefined;
    if (removal && !removals.has(one.record.id)) removals.set(one.record.id, removal);
  }
  keepNeeded(candidates, removals);
}

/** Takes back what others that stay need; each that stays may need one more. */
function keepNeeded(candidates: readonly GcCandidate[], removals: Removals): void {
  for (;;) {
    const needed = candidates.filter(
      (one) => removals.has(one.record.id) && neededBy(one, candidates, removals),
    );
    if (needed.length === 0) return;
    for (const { record } of needed) removals.delete(record.id);
  }
}

/** The least recently used first, until the rest is within the quota or nothing more may go. */
function applyQuota(
  candidates: readonly GcCandidate[],
  removals: Removals,
  policy: GcPolicy,
): void {
  const byUse = [...candidates].sort(
    (a, b) => lastUseOf(a.record) - lastUseOf(b.record) || compareIds(a, b),
  );
  for (;;) {
    const over = quotaProblem(candidates, removals, policy);
    if (!over) return;
    const next = byUse.find(
      (one) =>
        !removals.has(one.record.id) &&
        isFree(one, policy.now) &&
        !neededBy(one, candidates, removals),
    );
    if (!next) return;
    const why = `${over}, and it was not used for the longest time`;
    removals.set(next.record.id, { reason: 'quota', why });
    // What only that one had needed can go now.
    removeByOwnReason(candidates, removals, policy);
  }
}

const compareIds = (a: GcCandidate, b: GcCandidate) => (a.record.id < b.record.id ? -1 : 1);

/** In what the branches that stay are over the quota; undefined: they are not. */
function quotaProblem(
  candidates: readonly GcCandidate[],
  removals: Removals,
  { maxBranches, maxBytes }: GcPolicy,
): string | undefined {
  const left = candidates.filter(({ record }) => !removals.has(record.id));
  if (maxBranches !== undefined && left.length > maxBranches) {
    return `more than ${maxBranches} ${maxBranches === 1 ? 'branch' : 'branches'}`;
  }
  const bytes = left.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (maxBytes !== undefined && bytes > maxBytes) return `more than ${maxBytes} bytes`;
  return undefined;
}

/** In what those that stay are still over the quota, since none of them may go; null: they are not. */
export function remainingQuotaProblem(
  decisions: readonly GcDecision[],
  policy: Pick<GcPolicy, 'now' | 'graceMs' | 'maxBranches' | 'maxBytes'>,
): string | null {
  const stay = decisions.filter(({ reason }) => reason === null);
  const kept = stay.map(({ candidate }) => candidate);
  return quotaProblem(kept, new Map(), policy) ?? null;
}

function whyKept(
  candidate: GcCandidate,
  candidates: readonly GcCandidate[],
  removals: Removals,
  policy: GcPolicy,
): string {
  const { record, uses } = candidate;
  const would = ownReason(candidate, { ...policy, graceMs: 0 })?.why;
  const but = (why: string) => (would ? `${would}, but ${why}` : why);
  if (uses.length > 0) return but(`in use: ${uses.join(', ')}`);
  if (isBranchProtected(record, policy.now)) {
    return but(
      record.protectedUntil === forever ? 'protected' : `protected until ${record.protectedUntil}`,
    );
  }
  const needing = neededBy(candidate, candidates, removals);
  if (needing) return but(`branch ${needing.record.name} starts from it`);
  // All that is left to hold it back is the grace time.
  if (would) return but(`last used ${new Date(lastUseOf(record)).toISOString()}`);
  return record.expiresAt === null ? 'no rule removes it' : `expires ${record.expiresAt}`;
}

/** What stays, and then what goes: each before the one that it starts from. */
function dependantsFirst(decisions: readonly GcDecision[]): GcDecision[] {
  const stay = decisions.filter(({ reason }) => reason === null);
  const ordered: GcDecision[] = [];
  let rest = decisions.filter(({ reason }) => reason !== null);
  while (rest.length > 0) {
    const isFirst = ({ candidate }: GcDecision) =>
      !rest.some((other) => isNeededBy(candidate.record, other.candidate.record));
    const next = rest.filter(isFirst);
    // Records that name each other in a circle were written by somebody else: any order will do.
    const taken = next.length > 0 ? next : rest;
    ordered.push(...taken);
    rest = rest.filter((one) => !taken.includes(one));
  }
  return [...stay, ...ordered];
}
