import type {
  BranchBase,
  BranchGit,
  BranchIsolation,
  BranchPurpose,
  BranchSize,
  BranchState,
} from '../../domain/branch.js';
import { connectionUrl } from '../../postgres/connection-url.js';
import type { Target } from '../target/open-target.js';
import type { FoundBranch } from './driver.js';
import { driverOf } from './drivers.js';
import { findBranches } from './find-branch.js';

/** The snapshot that a branch starts from. */
export interface BranchStart {
  readonly kind: BranchBase['kind'];
  /** "live", the snapshot's tag or the branch's name. */
  readonly tag: string;
  /** Id of the snapshot; null where the branch keeps its base itself. */
  readonly id: string | null;
  readonly since: string;
}

/** A branch as it is shown. Times are ISO 8601, sizes bytes. */
export interface Branch {
  readonly name: string;
  readonly id: string;
  /** For programs to connect to; with the password only where one was asked for. */
  readonly url: string;
  readonly database: string;
  readonly schema: string | null;
  readonly isolation: BranchIsolation;
  readonly state: BranchState;
  readonly problem: string | null;
  readonly basedOn: BranchStart;
  readonly purpose: BranchPurpose;
  readonly git: BranchGit | null;
  readonly createdAt: string;
  readonly resetAt: string | null;
  readonly lastUsedAt: string | null;
  readonly expiresAt: string | null;
  readonly protectedUntil: string | null;
}

export interface ListedBranch extends Branch {
  /** Null where nobody asked, or it could not be measured. */
  readonly size: BranchSize | null;
}

export interface BranchList {
  /** The target that they belong to. */
  readonly target: { readonly server: string; readonly database: string };
  /** Oldest first. */
  readonly branches: readonly ListedBranch[];
}

export interface ListBranchesOptions {
  /** Measure what each takes on disk; default true. */
  readonly sizes?: boolean | undefined;
}

/**
 * All branches of a target, oldest first, with what they take. No lock, and no session in any of them.
 *
 * @example
 * const { branches } = await listBranches(root);
 */
export async function listBranches(
  root: Target,
  options: ListBranchesOptions = {},
): Promise<BranchList> {
  const branches: ListedBranch[] = [];
  for (const branch of await findBranches(root)) {
    const size = options.sizes === false ? null : await sizeOf(root, branch);
    branches.push({ ...showBranch(branch), size });
  }
  const { server, database } = root;
  return { target: { server, database }, branches };
}

/** One that is removed meanwhile, or may not be looked at, is no reason to show nothing. */
async function sizeOf(root: Target, branch: FoundBranch): Promise<BranchSize | null> {
  return driverOf(branch.record.isolation)
    .size(root, branch)
    .catch(() => null);
}

/**
 * A branch for people and programs.
 *
 * @example
 * const { url } = showBranch(await findBranch(root, 'invoices'), { withPassword: true });
 */
export function showBranch(
  { record, settings, state, problem }: FoundBranch,
  { withPassword = false }: { readonly withPassword?: boolean | undefined } = {},
): Branch {
  const { base, kind: _kind, root: _root, sourceSchema: _source, ...rest } = record;
  return {
    ...rest,
    url: connectionUrl(settings, { withPassword }),
    ...{ state, problem },
    basedOn: { kind: base.kind, tag: base.name, id: base.snapshotId, since: base.at },
  };
}
