import { isNeededBy } from '../../domain/branch-gc.js';
import { silentReporter } from '../../domain/reporter.js';
import { acquireTargetLock, releaseTargetLock } from '../../postgres/target-lock.js';
import { describeLeftover, type FoundLeftover } from '../target/leftovers.js';
import type { Target } from '../target/open-target.js';
import { readTimeline } from '../target/timeline.js';
import type { Work, WorkOptions } from '../target/work.js';
import {
  findTestLeftovers,
  removeTestLeftovers,
  type TestLeftover,
} from '../test-database/remove.js';
import { findUnusedBases, removeUnusedBases } from './base.js';
import type { BranchLeftover, FoundBranch } from './driver.js';
import { findBranches } from './find-branch.js';
import { findLeftovers, removeLeftovers } from './repair-branches.js';

/** What an interrupted run left, or a snapshot that was taken for branches which are all gone. */
export interface GcLeftover {
  readonly kind:
    | BranchLeftover['kind']
    | FoundLeftover['kind']
    | TestLeftover['kind']
    | 'branch-base';
  readonly name: string;
  readonly detail: string;
}

const defaultLockWaitMs = 30_000;

/** Works under the target's lock, but cleans nothing, as every command that changes something does first. */
export async function lookOnly<T>(
  root: Target,
  options: WorkOptions,
  look: (work: Work) => Promise<T>,
): Promise<T> {
  const { main, database } = root;
  const { signal, lockWaitMs: waitMs = defaultLockWaitMs, reporter = silentReporter } = options;
  const helper = await root.openHelper();
  try {
    await acquireTargetLock(main, database, { waitMs, signal, reporter });
    const timeline = await readTimeline(main, database);
    const state = { main, helper, timeline, cleaned: [], signal, reporter };
    return await look({ target: root, ...state, sessionsWaitMs: undefined });
  } finally {
    await releaseTargetLock(main, database).catch(() => {});
    await helper.close();
  }
}

/**
 * What a run would clean up.
 * @param going ids of the branches that go before, in their order
 */
export async function previewLeftovers(
  work: Work,
  going: readonly string[],
): Promise<GcLeftover[]> {
  const { target, main, timeline } = work;
  const bases = new Set<string>();
  let branches = await findBranches(target);
  // One after another, as they go: a base may lie in the timeline of a branch that goes later.
  for (const id of [null, ...going]) {
    branches = branches.filter(({ record }) => record.id !== id);
    const unused = await findUnusedBases(target, branches);
    for (const { record } of unused) bases.add(record.snapshot.tag);
  }
  const broken = timeline.leftovers.filter(({ kind }) => kind !== 'not-counted');
  return [
    ...broken.map(describeLeftover).map(asLeftover),
    ...(await findLeftovers(work)),
    ...[...bases].map(describeBase),
    ...(await findTestLeftovers(main)).map(asLeftover),
  ];
}

/** @param bases tags of those that went with their last branch */
export async function removeAllLeftovers(
  work: Work,
  bases: readonly string[],
): Promise<GcLeftover[]> {
  const leftovers = await removeLeftovers(work);
  const more = await removeUnusedBases(work, await findBranches(work.target));
  return [
    ...work.cleaned.map(asLeftover),
    ...leftovers,
    ...[...new Set([...bases, ...more])].map(describeBase),
    ...(await removeTestLeftovers(work.main)).map(asLeftover),
  ];
}

const asLeftover = ({ kind, database, detail }: FoundLeftover | TestLeftover): GcLeftover => ({
  ...{ kind, name: database, detail },
});

const describeBase = (name: string): GcLeftover => ({
  ...{ kind: 'branch-base', name },
  detail: 'a snapshot where branches started that are gone',
});

/** A branch that is there now and goes back to a snapshot of this one; undefined: none. */
export function dependantOf(
  { record }: FoundBranch,
  branches: readonly FoundBranch[],
): FoundBranch | undefined {
  return branches.find((other) => isNeededBy(record, other.record));
}
