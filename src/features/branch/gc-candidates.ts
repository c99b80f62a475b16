import { access, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { type CurrentBranchPlace, readCurrentBranches } from '../../config/current-branch.js';
import type { GcCandidate, GitFate } from '../../domain/branch-gc.js';
import { BelayError } from '../../errors.js';
import { Session } from '../../postgres/session.js';
import { type GitBranches, readFormerNames, readGitBranches } from '../../process/git-branches.js';
import { findGitPlace, type GitPlace } from '../../process/git-place.js';
import type { Target } from '../target/open-target.js';
import type { FoundBranch } from './driver.js';
import { driverOf } from './drivers.js';

export interface CandidateOptions {
  /** Names of main branches, as the config has them. */
  readonly main?: readonly string[] | undefined;
  /** Sizes are asked of the disk, which takes a moment for each branch. */
  readonly withSizes: boolean;
  /** Without it nothing is asked of git, and no branch counts as merged or deleted. */
  readonly withGit: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Looks at who uses branches, and at what has become of their git branches. */
export async function collectCandidates(
  root: Target,
  branches: readonly FoundBranch[],
  options: CandidateOptions,
): Promise<GcCandidate[]> {
  if (branches.length === 0) return [];
  const { cwd, env } = root;
  const sessions = await countSessions(root);
  const current = await findCurrent({ cwd, env }, branches);
  const git = options.withGit ? await readRepository(root, options) : null;
  const candidates: GcCandidate[] = [];
  for (const branch of branches) {
    const { record, state } = branch;
    candidates.push({
      ...{ record, state },
      sizeBytes: options.withSizes ? await sizeOf(root, branch) : 0,
      uses: [
        ...(current.get(record.id) ?? []).map((folder) => `current in ${folder}`),
        ...sessionUse(await sessionsIn(branch, sessions.databases)),
      ],
      gitFate: await gitFateOf(branch, git),
      isLost: await isLost(branch, sessions.halfDropped),
    });
  }
  return candidates;
}

/** What the removal of a branch frees as far as it can be seen, else what the server says. */
async function sizeOf(root: Target, branch: FoundBranch): Promise<number> {
  const { ownBytes, logicalBytes } = await driverOf(branch.record.isolation).size(root, branch);
  return ownBytes ?? logicalBytes;
}

interface Sessions {
  /** Sessions of clients by database, without this process's own. */
  readonly databases: ReadonlyMap<string, number>;
  /** Databases whose deletion was interrupted: PostgreSQL lets nobody into them any more. */
  readonly halfDropped: ReadonlySet<string>;
}

const sessionsSql = `
  SELECT d.datname::text AS name, d.datconnlimit = -2 AS "isHalfDropped",
         count(a.pid) FILTER (WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
                                AND NOT (a.application_name LIKE 'belay %' AND a.application_name LIKE $1))::int AS count
    FROM pg_database d LEFT JOIN pg_stat_activity a ON a.datid = d.oid
   GROUP BY d.oid, d.datname, d.datconnlimit`;

/** In one query. Sessions that this process has itself, or has just closed, are nobody's use. */
async function countSessions(root: Pick<Target, 'main'>): Promise<Sessions> {
  // Of a long host's name the application's name has only the beginning.
  const own = `% ${process.pid}@${hostname()
    .slice(0, 8)
    .replace(/[\\%_]/g, '\\$&')}%`;
  const rows = await root.main.query<{ name: string; isHalfDropped: boolean; count: number }>(
    sessionsSql,
    [own],
  );
  return {
    databases: new Map(rows.map(({ name, count }) => [name, count])),
    halfDropped: new Set(rows.filter((row) => row.isHalfDropped).map(({ name }) => name)),
  };
}

/**
 * Sessions in a branch. Of a schema nobody can say it: a session is in a database, and names schemas as it likes.
 */
async function sessionsIn(
  { record, state, settings }: FoundBranch,
  databases: Sessions['databases'],
): Promise<number> {
  if (record.isolation === 'database') return databases.get(record.database) ?? 0;
  if (record.isolation === 'schema' || state !== 'ready') return 0;
  try {
    const applicationName = `belay branch gc ${process.pid}@${hostname()}`.slice(0, 63);
    const session = await Session.open(settings, { database: record.database, applicationName });
    try {
      const counts = (await countSessions({ main: session })).databases;
      return [...counts.values()].reduce((sum, count) => sum + count, 0);
    } finally {
      await session.close();
    }
  } catch (error) {
    // It has stopped since it was listed: then nobody is in it.
    if (error instanceof BelayError && error.code === 'SERVER_UNREACHABLE') return 0;
    if (error instanceof BelayError && error.kind !== 'bug') return Number.NaN;
    throw error;
  }
}

/** A server that does not let anybody look may be in use. */
function sessionUse(count: number): string[] {
  if (Number.isNaN(count)) return ['its server cannot be asked for sessions'];
  if (count === 0) return [];
  return [count === 1 ? '1 session' : `${count} sessions`];
}

/** Folders of the working trees in which branches are the current one, by the branch's id. */
async function findCurrent(
  place: CurrentBranchPlace,
  branches: readonly FoundBranch[],
): Promise<Map<string, string[]>> {
  const here = branches.flatMap(({ record: { git } }) =>
    git?.host === hostname() ? [git.repository] : [],
  );
  const found = new Map<string, Set<string>>();
  for (const cwd of new Set([place.cwd, ...here])) {
    for (const { folder, current } of await readCurrentBranches({ ...place, cwd })) {
      const workTree = await workTreeOf(folder);
      found.set(current.id, (found.get(current.id) ?? new Set()).add(workTree));
    }
  }
  return new Map([...found].map(([id, folders]) => [id, [...folders]]));
}

/** The working tree says more than its git folder: `.git`, or `.git/worktrees/NAME` with the path of its `.git` file. */
async function workTreeOf(folder: string): Promise<string> {
  const file = await readFile(path.join(folder, 'gitdir'), 'utf8').catch(() => '');
  if (file !== '') return path.dirname(path.resolve(folder, file.trim()));
  return path.basename(folder) === '.git' ? path.dirname(folder) : folder;
}

interface Repository {
  readonly git: GitBranches;
  readonly place: GitPlace;
}

async function readRepository(
  { cwd, env }: Target,
  { main, signal }: CandidateOptions,
): Promise<Repository | null> {
  const place = await findGitPlace(cwd, env);
  const git = place && (await readGitBranches({ cwd, env, main, signal }));
  return git && { git, place };
}

async function gitFateOf({ record }: FoundBranch, found: Repository | null): Promise<GitFate> {
  if (!record.git) return 'none';
  if (!found) return 'unknown';
  const { git } = found;
  // One that was just made, or is damaged: nobody has deleted anything.
  if (git.branches.length === 0) return 'unknown';
  if (record.git.repository !== git.repository || record.git.host !== git.host) return 'unknown';
  const name = record.git.branch;
  const branch = git.branches.find((one) => one.name === name);
  if (!branch) return (await wasRenamed(name, found)) ? 'open' : 'deleted';
  // One on which nobody has committed yet is a part of the main branch too, and no merged work.
  if (branch.isMerged && branch.hasOwnCommits) return 'merged';
  return branch.isGoneUpstream ? 'gone-upstream' : 'open';
}

async function wasRenamed(name: string, { git, place }: Repository): Promise<boolean> {
  for (const branch of git.branches) {
    if ((await readFormerNames(place, branch.name)).includes(name)) return true;
  }
  return false;
}

/** Whether nothing is left of it but its record. What is merely closed, stopped or hindered is not lost. */
async function isLost(
  { record, state, folder }: FoundBranch,
  halfDropped: ReadonlySet<string>,
): Promise<boolean> {
  if (state !== 'damaged') return false;
  if (record.isolation === 'database') return halfDropped.has(record.database);
  if (folder === null) return false;
  return access(path.join(folder, 'data', 'PG_VERSION')).then(
    () => false,
    (error: NodeJS.ErrnoException) => ['ENOENT', 'ENOTDIR'].includes(error.code ?? ''),
  );
}
