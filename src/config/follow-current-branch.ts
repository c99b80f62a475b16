import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ClusterConnection, CurrentBranch } from '../domain/current-branch.js';
import { withoutSearchPath } from '../domain/search-path-option.js';
import { BelayError } from '../errors.js';
import type { ConnectionSettings, HostAddress } from '../postgres/settings.js';
import { type CurrentBranchPlace, readCurrentBranch } from './current-branch.js';
import type { FoundTarget, ResolvedTarget } from './resolved-target.js';
import { isSameTarget } from './same-target.js';

export interface FollowOptions extends CurrentBranchPlace {
  /** From the branch to its target, where the environment names the branch. */
  readonly isBack: boolean;
}

/**
 * Leads from the target to the working tree's current branch, if that branch belongs to it. Where the environment names
 * the branch itself, as `belay env` makes it, nothing changes.
 * @throws BelayError BRANCH_NOT_FOUND where a cluster branch has lost its folder
 */
export async function followCurrentBranch(
  asFound: FoundTarget,
  { cwd, env, isBack }: FollowOptions,
): Promise<ResolvedTarget> {
  const found = { ...asFound, settings: withoutLeftOptions(asFound.settings, env) };
  const current = await readCurrentBranch({ cwd, env });
  const alone = { ...found, branch: null, root: found.settings };
  if (!current) return alone;
  if (isRootOf(current, found.settings)) {
    const root = withoutBranchOptions(found.settings, current);
    if (isBack) return { ...found, settings: root, branch: null, root };
    const settings = await branchSettings(current, root);
    const source = `branch ${current.name} (of ${found.source})`;
    return { ...found, settings, source, branch: current, root };
  }
  const root = rootBehind(current, found.settings);
  if (!root) return alone;
  const source = isBack ? `the target of branch ${current.name} in ${found.source}` : found.source;
  if (isBack) return { ...found, settings: root, source, branch: null, root };
  return { ...found, branch: current, root };
}

/** How to connect to a branch whose target is known. */
async function branchSettings(
  current: CurrentBranch,
  root: ConnectionSettings,
): Promise<ConnectionSettings> {
  const { isolation, database, options } = current;
  if (isolation === 'cluster') return clusterSettings(current, root);
  if (isolation === 'database') return { ...root, database };
  const all = [root.options, options].filter((one) => one !== undefined && one !== '').join(' ');
  return { ...root, database, options: all };
}

async function clusterSettings(
  { folder, name }: CurrentBranch,
  { connectTimeoutMs }: ConnectionSettings,
): Promise<ConnectionSettings> {
  const file = path.join(folder ?? '', 'connection.json');
  let found: ClusterConnection;
  try {
    found = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw branchIsGone(name, `${file} cannot be read`, error);
  }
  const { host, port, user, password, database } = found;
  return {
    hosts: [{ host, port }],
    ...{ user, password, database, ssl: { mode: 'prefer' }, connectTimeoutMs },
  };
}

/** The working tree works on a branch that is not there any more. */
export function branchIsGone(name: string, why: string, cause?: unknown): BelayError {
  return new BelayError('BRANCH_NOT_FOUND', `the current branch "${name}" is gone: ${why}`, {
    hint: 'Nothing was done. `belay branch switch main` goes back to the target itself.',
    details: { branch: name },
    cause,
  });
}

/** Whether a database is the target that a branch was made of, by the first server that both name. */
function isRootOf({ root }: CurrentBranch, settings: ConnectionSettings): boolean {
  const address = parseServer(root.server);
  const [first] = settings.hosts;
  if (!address || !first) return false;
  return isSameTarget(
    { ...settings, hosts: [first] },
    { ...settings, hosts: [address], database: root.database },
  );
}

/** Reads what `describeServer` writes: "host:port", "[::1]:5432", "/var/run/postgresql:5432". */
function parseServer(text: string): HostAddress | null {
  const [, host, port] = /^(.*):(\d+)$/s.exec(text) ?? [];
  if (!host) return null;
  return { host: host.replace(/^\[(.*)\]$/s, '$1'), port: Number(port) };
}

/**
 * The target, where the settings are those of the branch itself: on the same server its database has another name.
 * From a cluster branch nothing leads back but the variable that names the target.
 */
function rootBehind(
  current: CurrentBranch,
  settings: ConnectionSettings,
): ConnectionSettings | null {
  if (current.isolation !== 'database' || settings.database !== current.database) return null;
  const root = { ...settings, database: current.root.database };
  return isRootOf(current, root) ? root : null;
}

/**
 * In a shell that `belay env` has led to a schema branch, libpq's own variable still has that branch's search path when
 * another one is current: every URL without options would seem to have it too.
 */
function withoutLeftOptions(
  settings: ConnectionSettings,
  env: NodeJS.ProcessEnv,
): ConnectionSettings {
  const { options, ...others } = settings;
  const isLeft =
    options !== undefined && options === env.PGOPTIONS && /^-c search_path=\S+$/.test(options);
  return isLeft && env.BELAY_URL ? others : settings;
}

/** PGOPTIONS of `belay env` for a schema branch would otherwise seem to be the target's own. */
function withoutBranchOptions(
  settings: ConnectionSettings,
  { options }: CurrentBranch,
): ConnectionSettings {
  if (options === undefined || settings.options === undefined) return settings;
  const { options: all, ...others } = settings;
  const rest = withoutSearchPath(all, options);
  return rest === undefined ? others : { ...others, options: rest };
}
