import type { TargetName } from './snapshot.js';

/** What a branch shares with the database it comes from: a server, a database, or nothing. */
export const branchIsolations = ['database', 'schema', 'cluster'] as const;
export type BranchIsolation = (typeof branchIsolations)[number];

/** What a branch was made for; each has a lifetime of its own in the config. */
export const branchPurposes = ['manual', 'git', 'ci'] as const;
export type BranchPurpose = (typeof branchPurposes)[number];

/** The state that a branch starts from, and goes back to by `reset`. */
export interface BranchBase {
  /** "live": the target as it was then; "archive": a snapshot that had no clone any more. */
  readonly kind: 'live' | 'snapshot' | 'archive' | 'branch';
  /** What it is called, for people: "live", the snapshot's tag or the branch's name. */
  readonly name: string;
  /** Id of the immutable snapshot; null where the branch keeps its base in its own folder (cluster). */
  readonly snapshotId: string | null;
  /** The snapshot was made for branches only: it goes with the last of them. */
  readonly isAutomatic: boolean;
  /** The database whose timeline has that snapshot: the target's, or another branch's. */
  readonly database: string;
  /** The state is that of this moment. */
  readonly at: string;
}

/** The git branch that a branch was made for. */
export interface BranchGit {
  readonly branch: string;
  readonly commit: string | null;
  /** Real path of the repository's common git folder: one server may have branches of several repositories. */
  readonly repository: string;
  /** The machine where that path means something. */
  readonly host: string;
}

/**
 * What is kept about a branch, beside it: in the comment of its database or schema, or in the folder of its server.
 * Times are ISO 8601 in UTC. `docs/formats.md` promises this format.
 */
export interface BranchRecord {
  readonly kind: 'branch';
  readonly id: string;
  /** As the user gave it: a git branch's name, as a rule. */
  readonly name: string;
  readonly isolation: BranchIsolation;
  readonly purpose: BranchPurpose;
  /** The target that it belongs to. */
  readonly root: TargetName;
  /** The database to connect to. A database of another name with this record is not the branch. */
  readonly database: string;
  /** Of a schema branch: the schema that is the branch. Else null. */
  readonly schema: string | null;
  /** Of a schema branch: the schema that it is a copy of. Else null. */
  readonly sourceSchema: string | null;
  readonly base: BranchBase;
  readonly git: BranchGit | null;
  readonly createdAt: string;
  /** When it was last put back to a state; null: never. */
  readonly resetAt: string | null;
  /** When somebody last switched to it, or asked for its URL; as exact as an hour. */
  readonly lastUsedAt: string | null;
  /** From when `gc` removes it; null: never. */
  readonly expiresAt: string | null;
  /** Until when nothing removes it; null: not protected. */
  readonly protectedUntil: string | null;
}

/** Whether somebody can work in it now. "stopped": its server is; "damaged": see `problem`. */
export type BranchState = 'ready' | 'stopped' | 'damaged';

/** Bytes of a branch. */
export interface BranchSize {
  /** What the server says: as if nothing were shared. */
  readonly logicalBytes: number;
  /** Blocks on disk that only this branch has, so what its removal frees; null: cannot be seen from here. */
  readonly ownBytes: number | null;
  /** Of the processes of a cluster branch; null: it does not run, or has no server of its own. */
  readonly memoryBytes: number | null;
}

/** Name that stands for the target itself wherever a branch can be named. */
export const liveReference = 'live';

/** Whether a branch may be removed by `gc` because its time is over. */
export function isExpired({ expiresAt }: Pick<BranchRecord, 'expiresAt'>, now: Date): boolean {
  return expiresAt !== null && Date.parse(expiresAt) <= now.getTime();
}

/** Whether nothing may remove it at that moment. */
export function isBranchProtected(
  { protectedUntil }: Pick<BranchRecord, 'protectedUntil'>,
  now: Date,
): boolean {
  return protectedUntil !== null && Date.parse(protectedUntil) > now.getTime();
}
