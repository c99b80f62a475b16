import { type BranchesConfig, loadedBranches } from '../../config/branches-config.js';
import type { BranchGit, BranchIsolation, BranchPurpose } from '../../domain/branch.js';
import { liveReference } from '../../domain/branch.js';
import { validateBranchName } from '../../domain/branch-name.js';
import { newSnapshotId } from '../../domain/clone-name.js';
import type { SessionPolicy } from '../../domain/database-session.js';
import { parseDuration } from '../../domain/duration.js';
import { BelayError } from '../../errors.js';
import { type Recorded, recorded } from '../ledger/recorded.js';
import type { Target } from '../target/open-target.js';
import { findClone } from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import type { BranchSource, FoundBranch } from './driver.js';
import { driverOf } from './drivers.js';
import { findBranches } from './find-branch.js';
import { checkQuota } from './quota.js';
import { removeLeftovers } from './repair-branches.js';

export interface CreateBranchOptions extends WorkOptions {
  readonly name: string;
  /** "live" (the default), a snapshot's reference, or a branch's name; "branch:NAME" and "snapshot:REF" where both exist. */
  readonly from?: string | undefined;
  /** Default: the config's, else "database". */
  readonly isolation?: BranchIsolation | undefined;
  /** Default "manual". */
  readonly purpose?: BranchPurpose | undefined;
  /** Lifetime in milliseconds; null: for ever. Default: the config's for the purpose. */
  readonly ttlMs?: number | null | undefined;
  /** Of a schema branch: the schema to copy; default: the config's, else "public". */
  readonly schema?: string | undefined;
  /** The git branch that it is for. */
  readonly git?: BranchGit | null | undefined;
  /** Sessions in the source where it has to be alone for a moment; default "wait". */
  readonly sessions?: SessionPolicy | undefined;
  /** What to do about a branch that has the name already; default "fail". */
  readonly ifExists?: 'fail' | 'reuse' | undefined;
}

export interface CreatedBranch {
  readonly branch: FoundBranch;
  /** False where it was there already. */
  readonly created: boolean;
  readonly durationMs: number;
}

/**
 * Makes a branch: a writable database of its own that starts from a snapshot, another branch or the live target.
 *
 * @example
 * const { branch } = await createBranch(root, { name: 'invoices', from: 'baseline', ttlMs: 7 * 86_400_000 });
 * @throws BelayError BAD_NAME, BRANCH_EXISTS, BRANCH_NOT_FOUND, SNAPSHOT_NOT_FOUND, AMBIGUOUS_REFERENCE, QUOTA_REACHED,
 *   SESSIONS_IN_THE_WAY, DISK_FULL, PERMISSION_DENIED, LOCKED, …; nothing is left behind then
 */
export async function createBranch(
  root: Target,
  options: CreateBranchOptions,
): Promise<CreatedBranch> {
  validateBranchName(options.name);
  const config = await loadedBranches(root);
  const startedAt = performance.now();
  const existing = await findExisting(root, options);
  if (existing) return { branch: existing, created: false, durationMs: 0 };
  const made = await recorded(
    root,
    'branch-create',
    options.reporter,
    () => underLock(root, options, (work) => create(work, options, config)),
    toLedger,
  );
  return { ...made, durationMs: Math.round(performance.now() - startedAt) };
}

type Made = Omit<CreatedBranch, 'durationMs'>;

function toLedger({ branch, created }: Made): Recorded | null {
  if (!created) return null;
  const { id, name, isolation, database, schema, base, expiresAt } = branch.record;
  return {
    ...{ snapshot: null, rows: null },
    details: { branch: name, id, isolation, database, schema, from: base.name, expiresAt },
  };
}

/** @throws BelayError BRANCH_EXISTS */
async function findExisting(
  root: Target,
  { name, ifExists }: CreateBranchOptions,
): Promise<FoundBranch | undefined> {
  const found = (await findBranches(root)).find(({ record }) => record.name === name);
  if (!found || ifExists === 'reuse') return found;
  throw branchExists(name);
}

function branchExists(name: string): BelayError {
  return new BelayError('BRANCH_EXISTS', `there is a branch "${name}" already`, {
    hint: `\`belay branch switch ${JSON.stringify(name)}\` goes to it, \`belay branch reset\` puts it back to its base.`,
  });
}

async function create(
  work: Work,
  options: CreateBranchOptions,
  config: BranchesConfig,
): Promise<Made> {
  await removeLeftovers(work);
  const branches = await findBranches(work.target);
  // Looked for again: another run may have made it before this one had the lock.
  const existing = branches.find(({ record }) => record.name === options.name);
  if (existing && options.ifExists === 'reuse') return { branch: existing, created: false };
  if (existing) throw branchExists(options.name);
  await checkQuota(work, branches, config);
  const purpose = options.purpose ?? 'manual';
  const source = findSource(work, branches, options.from ?? liveReference);
  const isolation = options.isolation ?? inherited(source) ?? config.isolation ?? 'database';
  const branch = await driverOf(isolation).create(work, {
    ...{ id: newSnapshotId(), name: options.name, isolation, purpose, source },
    sourceSchema: options.schema ?? schemaOf(source) ?? config.schema ?? 'public',
    ...{ git: options.git ?? null, protectedUntil: null, folder: config.folder },
    expiresAt: expiryOf(options.ttlMs, config.ttl?.[purpose]),
    sessions: options.sessions ?? 'wait',
  });
  return { branch, created: true };
}

/** A branch of a branch is isolated as that is: only so can it start from it. */
function inherited(source: BranchSource): BranchIsolation | undefined {
  return source.kind === 'branch' ? source.branch.record.isolation : undefined;
}

function schemaOf(source: BranchSource): string | undefined {
  return source.kind === 'branch' ? (source.branch.record.schema ?? undefined) : undefined;
}

/** When a branch that is made or extended now expires, ISO 8601; null: never. */
function expiryOf(ttlMs: number | null | undefined, configured: string | undefined): string | null {
  const ms = ttlMs === undefined && configured !== undefined ? parseDuration(configured) : ttlMs;
  return ms === null || ms === undefined ? null : new Date(Date.now() + ms).toISOString();
}

/** @throws BelayError AMBIGUOUS_REFERENCE where a branch and a snapshot have the name */
function findSource(work: Work, branches: readonly FoundBranch[], from: string): BranchSource {
  if (from === liveReference) return { kind: 'live' };
  const [, prefix, rest] = /^(branch|snapshot):(.+)$/s.exec(from) ?? [];
  const name = rest ?? from;
  const branch = branches.find(({ record }) => record.name === name);
  if (prefix === 'branch' || (branch && prefix === undefined)) {
    if (!branch) {
      throw new BelayError('BRANCH_NOT_FOUND', `there is no branch "${name}"`, {
        hint: '`belay branch list` shows which there are.',
      });
    }
    if (prefix === undefined && hasTag(work, name)) throw ambiguous(name);
    return { kind: 'branch', branch };
  }
  return { kind: 'snapshot', reference: name };
}

function hasTag({ timeline }: Work, name: string): boolean {
  try {
    return findClone(timeline, name).record.snapshot.tag === name;
  } catch {
    return false;
  }
}

function ambiguous(name: string): BelayError {
  return new BelayError(
    'AMBIGUOUS_REFERENCE',
    `"${name}" is the name of a branch and the tag of a snapshot`,
    { hint: `Write branch:${name} or snapshot:${name}.` },
  );
}
