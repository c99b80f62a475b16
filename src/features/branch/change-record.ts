import type { BranchRecord } from '../../domain/branch.js';
import { forever } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import { recorded } from '../ledger/recorded.js';
import type { Target } from '../target/open-target.js';
import { underLock, type WorkOptions } from '../target/work.js';
import type { FoundBranch } from './driver.js';
import { driverOf } from './drivers.js';
import { findBranch } from './find-branch.js';

/** Writes what changes in the record of a branch, under the target's lock: others may be changing it too. */
export async function changeRecord(
  root: Target,
  name: string,
  options: WorkOptions,
  change: (record: BranchRecord) => Partial<BranchRecord>,
): Promise<FoundBranch> {
  return underLock(root, options, async () => {
    const branch = await findBranch(root, name);
    const record = { ...branch.record, ...change(branch.record) };
    await driverOf(record.isolation).writeRecord(root, branch, record);
    return { ...branch, record };
  });
}

export interface ExtendBranchOptions extends WorkOptions {
  readonly name: string;
  /** From now on, in milliseconds; null: it never expires. */
  readonly ttlMs: number | null;
}

/**
 * Gives a branch more time, or less, from now on.
 *
 * @example
 * await extendBranch(root, { name: 'invoices', ttlMs: 7 * 86_400_000 });
 * @throws BelayError BRANCH_NOT_FOUND, LOCKED
 */
export function extendBranch(root: Target, options: ExtendBranchOptions): Promise<FoundBranch> {
  const expiresAt =
    options.ttlMs === null ? null : new Date(Date.now() + options.ttlMs).toISOString();
  return changeRecord(root, options.name, options, () => ({ expiresAt }));
}

export interface ProtectBranchOptions extends WorkOptions {
  readonly name: string;
  /** Default: for ever. */
  readonly until?: Date | undefined;
}

/**
 * Keeps a branch from being deleted and collected, for ever or until a time.
 *
 * @throws BelayError BRANCH_NOT_FOUND, BAD_TIME, LOCKED
 */
export async function protectBranch(
  root: Target,
  options: ProtectBranchOptions,
): Promise<FoundBranch> {
  const { until } = options;
  if (until && !(until.getTime() > Date.now())) {
    throw new BelayError('BAD_TIME', 'the time until which the branch is protected is over', {
      hint: 'Give a time in the future.',
    });
  }
  const protectedUntil = until?.toISOString() ?? forever;
  return recordedChange(root, 'protect', options, () => ({ protectedUntil }));
}

/** Takes the protection of a branch back. @throws BelayError BRANCH_NOT_FOUND, LOCKED */
export function unprotectBranch(
  root: Target,
  options: WorkOptions & { readonly name: string },
): Promise<FoundBranch> {
  return recordedChange(root, 'unprotect', options, () => ({ protectedUntil: null }));
}

function recordedChange(
  root: Target,
  action: 'protect' | 'unprotect',
  options: WorkOptions & { readonly name: string },
  change: (record: BranchRecord) => Partial<BranchRecord>,
): Promise<FoundBranch> {
  return recorded(
    root,
    action,
    options.reporter,
    () => changeRecord(root, options.name, options, change),
    ({ record: { name, protectedUntil } }) => ({
      ...{ snapshot: null, rows: null },
      details: { branch: name, protectedUntil },
    }),
  );
}

/** So exact is the last use of a branch: each look must not write. */
const useResolutionMs = 3_600_000;

/**
 * Notes that somebody works on the branch now. Never fails, and waits for nobody: it decides no more than which branch was
 * not used for the longest time.
 */
export async function noteUse(root: Target, branch: FoundBranch): Promise<void> {
  const { lastUsedAt, name } = branch.record;
  const now = new Date();
  if (lastUsedAt !== null && now.getTime() - Date.parse(lastUsedAt) < useResolutionMs) return;
  await changeRecord(root, name, { lockWaitMs: 0 }, () => ({
    lastUsedAt: now.toISOString(),
  })).catch(() => {});
}
