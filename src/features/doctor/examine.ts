import { resolveTarget } from '../../config/resolve-target.js';
import { toBelayError } from '../../errors.js';
import { describeServer } from '../../postgres/settings.js';
import { readGitState } from '../../process/git.js';
import { findClientTools } from '../../process/postgres-installation.js';
import { type OpenTargetOptions, openTarget, type Target } from '../target/open-target.js';
import { readTimeline } from '../target/timeline.js';
import { type Check, fail, ok, runCheck, warn } from './check.js';
import { checkDrillServer, checkStore } from './check-archives.js';
import { checkBranches } from './check-branches.js';
import { checkCloneMethod } from './check-clone-method.js';
import { checkLeftovers } from './check-leftovers.js';
import { checkReplication } from './check-replication.js';
import { checkBlockers, checkDatabase, checkDisk, checkRights } from './check-server.js';

export interface Examination {
  /** No check failed. */
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/**
 * Examines everything that Belay needs of the target, its server and this machine. What is wrong is a finding, not an
 * error: as many checks run as can.
 *
 * @example
 * const { checks } = await examineTarget({ url });
 */
export async function examineTarget(options: OpenTargetOptions = {}): Promise<Examination> {
  const checks = [
    await runCheck('target', () => checkTarget(options)),
    ...(await examineServer(options)),
    await runCheck('git', () => checkGit(options.cwd ?? process.cwd())),
  ];
  return { ok: checks.every(({ status }) => status !== 'fail'), checks };
}

async function checkTarget(options: OpenTargetOptions): Promise<Check> {
  const { settings, source, environment } = await resolveTarget(options);
  const kind = environment ? `, marked as ${environment}` : '';
  return ok(
    'target',
    `"${settings.database}" on ${describeServer(settings)}, from ${source}${kind}`,
  );
}

async function examineServer(options: OpenTargetOptions): Promise<Check[]> {
  let target: Target;
  try {
    target = await openTarget({ ...options, action: 'doctor' });
  } catch (error) {
    const { message, hint } = toBelayError(error);
    const tools = await runCheck('tools', () => checkTools(options.env, undefined));
    return [fail('server', message, hint ?? null), tools];
  }
  try {
    return await examineConnected(target, options);
  } finally {
    await target.close();
  }
}

async function examineConnected(target: Target, options: OpenTargetOptions) {
  const timeline = await readTimeline(target.main, target.database);
  const { version } = await target.main.queryOne<{ version: string }>(
    `SELECT current_setting('server_version') AS version`,
  );
  return [
    ok('server', `PostgreSQL ${version} on ${target.server}`),
    await runCheck('database', () => checkDatabase(target, timeline)),
    await runCheck('rights', () => checkRights(target, timeline)),
    await runCheck('leftovers', () => checkLeftovers(target, timeline)),
    await runCheck('branches', () => checkBranches(target)),
    await runCheck('clone method', () => checkCloneMethod(target, timeline)),
    await runCheck('blockers', () => checkBlockers(target)),
    await runCheck('replication', () => checkReplication(target)),
    await runCheck('disk', () => checkDisk(target, timeline)),
    await runCheck('tools', () => checkTools(options.env, target.main.serverVersion)),
    await runCheck('drill server', () => checkDrillServer(target)),
    await runCheck('store', () => checkStore(target, options)),
  ];
}

async function checkTools(
  env: NodeJS.ProcessEnv = process.env,
  serverVersion: number | undefined,
): Promise<Check> {
  const tools = await findClientTools(env);
  const dump = tools.filter(({ name }) => name === 'pg_dump');
  if (dump.length === 0) {
    return warn(
      'tools',
      'pg_dump was not found',
      'Snapshots need no tools. For archives install the PostgreSQL client, or set BELAY_PG_BIN.',
    );
  }
  const listed = describeTools(tools);
  const major = serverVersion === undefined ? 0 : Math.floor(serverVersion / 10000);
  if (dump.some((tool) => tool.major >= major)) return ok('tools', listed);
  return warn(
    'tools',
    `${listed}: older than the server, so pg_dump refuses`,
    `Snapshots need no tools. For archives install the client of PostgreSQL ${major}.`,
  );
}

/** One entry for each tool and version, with the first place where it was found. */
function describeTools(tools: readonly { name: string; version: string; path: string }[]): string {
  const found = new Map<string, string>();
  for (const { name, version, path } of tools) {
    const key = `${name} ${version}`;
    if (!found.has(key)) found.set(key, path);
  }
  return [...found].map(([key, path]) => `${key} (${path})`).join(', ');
}

async function checkGit(cwd: string): Promise<Check> {
  const git = await readGitState(cwd);
  if (!git) return ok('git', 'not in a repository: snapshots record no commit');
  const state = git.dirty ? ', with uncommitted changes' : '';
  return ok('git', `${git.branch ?? 'detached HEAD'} at ${git.commit.slice(0, 8)}${state}`);
}
