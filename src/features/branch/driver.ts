import type {
  BranchBase,
  BranchGit,
  BranchIsolation,
  BranchPurpose,
  BranchRecord,
  BranchSize,
  BranchState,
} from '../../domain/branch.js';
import type { SessionPolicy } from '../../domain/database-session.js';
import type { ConnectionSettings } from '../../postgres/settings.js';
import type { Target } from '../target/open-target.js';
import type { Work } from '../target/work.js';

/** A branch that is complete, as its record was found. */
export interface FoundBranch {
  readonly record: BranchRecord;
  readonly state: BranchState;
  /** What is wrong with a damaged one and what to do, for people; else null. */
  readonly problem: string | null;
  /** How to connect to it, also to one that is stopped. Holds the password. */
  readonly settings: ConnectionSettings;
  /** Of a cluster branch: its folder. Else null. */
  readonly folder: string | null;
}

/** What a branch is made from. */
export type BranchSource =
  | { readonly kind: 'live' }
  /** Of the target's timeline: a clone, or an archive. */
  | { readonly kind: 'snapshot'; readonly reference: string }
  | { readonly kind: 'branch'; readonly branch: FoundBranch };

/** A branch to be made. Its name is free, and the target's lock is held. */
export interface BranchOrder {
  /** For its record, and unique. */
  readonly id: string;
  readonly name: string;
  readonly isolation: BranchIsolation;
  readonly purpose: BranchPurpose;
  readonly source: BranchSource;
  /** Of a schema branch: the schema to copy. */
  readonly sourceSchema: string;
  readonly git: BranchGit | null;
  readonly expiresAt: string | null;
  readonly protectedUntil: string | null;
  /** Sessions in the source where it has to be alone; default "wait". */
  readonly sessions: SessionPolicy;
  /** Where cluster branches lie, where the config says it. */
  readonly folder: string | undefined;
}

export interface ResetOrder {
  /** A snapshot to go to instead of the base: of the branch's own timeline, or of the target's. */
  readonly reference: string | undefined;
  readonly sessions: SessionPolicy;
  readonly cwd: string;
}

export interface BranchResetState {
  /** What it was reset to: the base's name or the snapshot's tag. */
  readonly to: string;
  /** How long the branch could not be connected to, in milliseconds. */
  readonly outageMs: number;
  /** Tag of the snapshot that keeps what was there, in the branch's own timeline; null: nothing was kept. */
  readonly previous: string | null;
  /** The record as it is now. */
  readonly record: BranchRecord;
}

/** Something that an interrupted run left of a branch. */
export interface BranchLeftover {
  readonly kind: 'branch-schema' | 'branch-database' | 'branch-server';
  /** Name of the schema or database, or path of the folder. */
  readonly name: string;
  readonly detail: string;
}

/**
 * One way to isolate branches. Everything is built aside and gets its name and its record in one step at the end, so
 * that a kill leaves either no branch or a whole one, and leftovers that are recognised by their own marks.
 */
export interface BranchDriver {
  readonly isolation: BranchIsolation;
  /** Branches of a target, in any order. Takes no lock and changes nothing. */
  list(root: Target): Promise<readonly FoundBranch[]>;
  /** @param work on the target that it belongs to */
  create(work: Work, order: BranchOrder): Promise<FoundBranch>;
  /** Puts it back to its base or a snapshot; its URL stays. What is there stays until the other is in place. */
  reset(work: Work, branch: FoundBranch, order: ResetOrder): Promise<BranchResetState>;
  /** Removes it and the snapshots of its own timeline. Not its base, where that lies elsewhere. */
  remove(work: Work, branch: FoundBranch, sessions: SessionPolicy): Promise<void>;
  /** Writes a changed record (expiry, protection, last use). */
  writeRecord(root: Target, branch: FoundBranch, record: BranchRecord): Promise<void>;
  size(root: Target, branch: FoundBranch): Promise<BranchSize>;
  /** What interrupted runs left; the target's lock is held, so nobody is at work on any of it. */
  findLeftovers(work: Work): Promise<readonly BranchLeftover[]>;
  removeLeftovers(work: Work): Promise<readonly BranchLeftover[]>;
}

/** The record of a branch that is about to be complete. */
export function newBranchRecord(
  work: Work,
  order: BranchOrder,
  place: Pick<BranchRecord, 'database' | 'schema'> & { readonly base: BranchBase },
): BranchRecord {
  const { id, name, isolation, purpose, git, expiresAt, protectedUntil, sourceSchema } = order;
  const { server, database } = work.target;
  const now = new Date().toISOString();
  return {
    ...{ kind: 'branch', id, name, isolation, purpose, root: { server, database }, ...place },
    sourceSchema: isolation === 'schema' ? sourceSchema : null,
    ...{ git, createdAt: now, resetAt: null, lastUsedAt: now, expiresAt, protectedUntil },
  };
}
