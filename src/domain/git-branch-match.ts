import { createHash } from 'node:crypto';
import { type BranchRecord, liveReference } from './branch.js';
import { shortenName } from './clone-name.js';

/** A git branch of one repository on one machine. */
export interface GitIdentity {
  readonly branch: string;
  readonly repository: string;
  readonly host: string;
}

type Named = Pick<BranchRecord, 'name' | 'git'>;

/** Whether a branch was made for that git branch. */
export function isForGitBranch({ git }: Named, identity: GitIdentity): boolean {
  return git?.branch === identity.branch && isOfRepository({ git }, identity);
}

function isOfRepository({ git }: Pick<Named, 'git'>, identity: GitIdentity): boolean {
  return git !== null && git.repository === identity.repository && git.host === identity.host;
}

/**
 * The branch that belongs to a git branch: the one made for it, else one of its name that a person has made for nobody's git
 * branch. One that was made for another repository, or on another machine, is somebody else's.
 */
export function branchForGit<T extends { readonly record: Named }>(
  branches: readonly T[],
  identity: GitIdentity,
): T | undefined {
  return (
    branches.find(({ record }) => isForGitBranch(record, identity)) ??
    branches.find(
      ({ record }) => record.git === null && record.name === nameForGit(identity, () => false),
    )
  );
}

const maxNameBytes = 250;

/**
 * A name for the branch of a git branch: the same, unless somebody else on the server has it already, or it has a meaning of
 * its own.
 */
export function nameForGit(
  { branch, host, repository }: GitIdentity,
  isTaken: (name: string) => boolean,
): string {
  const hash = createHash('sha256').update(`${host}\0${repository}`).digest('hex').slice(0, 6);
  const first = branch === liveReference ? `git/${branch}` : branch;
  const candidates = [first, `${first}@${host}`, `${first}@${host}-${hash}`];
  const fitting = candidates.map((name) => shortenName(name, maxNameBytes));
  return fitting.find((name) => !isTaken(name)) ?? (fitting.at(-1) as string);
}
