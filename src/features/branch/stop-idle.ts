import { readFile, rm } from 'node:fs/promises';
import { type RunOptions, silentReporter } from '../../domain/reporter.js';
import { toBelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import { branchClusterPaths, lockBranch, runningPort } from '../../process/branch-cluster.js';
import { stopCluster } from '../../process/cluster.js';
import { replaceFile } from '../../process/cluster-folder.js';
import type { Target } from '../target/open-target.js';
import { pointersOf } from './cluster-found.js';
import { openBranchServer } from './cluster-session.js';
import { readServerSessions } from './cluster-sessions.js';

export interface StopIdleOptions extends RunOptions {
  /** After how long without a session a server is stopped, in milliseconds. */
  readonly idleMs: number;
  /** Whether somebody needs the server in this folder although no session is in it, e.g. the gateway. */
  readonly isUsed?: ((folder: string) => boolean) | undefined;
}

export interface StoppedIdleServers {
  /** Folders of the branches whose servers were stopped. */
  readonly stopped: readonly string[];
  /** Those that run and stay. */
  readonly running: readonly string[];
}

/** What a look remembers for the next one. */
interface Idle {
  /** Since when nobody was seen, in milliseconds since 1970. */
  readonly since: number;
  /** Sessions that the server had counted by then: another number means that somebody was there in between. */
  readonly sessions: string;
  /** When the server was started. */
  readonly start: string;
}

/**
 * Looks at the servers of cluster branches, and stops those that nobody has used for long enough. The first look at a server
 * only notes that nobody is there; so a server is stopped at the earliest by the second one. One with a session is never stopped.
 *
 * @param branches a target, for all of its branches, or the branches' folders
 * @example
 * await stopIdleServers(root, { idleMs: 10 * 60_000 });
 */
export async function stopIdleServers(
  branches: Target | readonly string[],
  options: StopIdleOptions,
): Promise<StoppedIdleServers> {
  const folders = isFolders(branches)
    ? branches
    : (await pointersOf(branches)).map(({ folder }) => folder);
  const stopped: string[] = [];
  const running: string[] = [];
  const { reporter = silentReporter, signal } = options;
  for (const folder of folders) {
    if (signal?.aborted) break;
    try {
      const state = await lookAt(folder, options);
      if (state === 'stopped') stopped.push(folder);
      if (state === 'running') running.push(folder);
    } catch (error) {
      // One that cannot be asked is no reason to leave the others running.
      const message = `cannot tell whether the server in ${folder} is used: ${toBelayError(error).message}`;
      reporter({ type: 'warning', message });
    }
  }
  return { stopped, running };
}

function isFolders(branches: Target | readonly string[]): branches is readonly string[] {
  return Array.isArray(branches);
}

type Look = 'stopped' | 'running' | 'down';

async function lookAt(folder: string, { idleMs, isUsed }: StopIdleOptions): Promise<Look> {
  const { idleFile } = branchClusterPaths(folder);
  if ((await runningPort(folder)) === null) return 'down';
  const now = await ask(folder);
  if (isUsed?.(folder) || now === undefined) {
    await rm(idleFile, { force: true });
    return 'running';
  }
  const before = await readIdle(idleFile);
  if (before?.sessions !== now.sessions || before.start !== now.start) {
    await replaceFile(idleFile, JSON.stringify({ since: Date.now(), ...now }));
    return idleMs > 0 ? 'running' : stopIfUnused(folder, isUsed);
  }
  return Date.now() - before.since < idleMs ? 'running' : stopIfUnused(folder, isUsed);
}

/** Under the branch's lock, so that whoever wants to start it meanwhile waits and then does. */
function stopIfUnused(folder: string, isUsed: StopIdleOptions['isUsed']): Promise<Look> {
  return lockBranch(folder, async () => {
    if (isUsed?.(folder) || (await ask(folder)) === undefined) return 'running';
    await stopCluster(folder);
    await rm(branchClusterPaths(folder).idleFile, { force: true });
    return 'stopped';
  });
}

/** Looks come from a database in which nobody else works, so that they do not count as use. */
const lookingDatabase = 'template1';

/** @returns undefined where somebody is in it */
async function ask(folder: string): Promise<Pick<Idle, 'sessions' | 'start'> | undefined> {
  const session = await openForLook(folder);
  try {
    if ((await readServerSessions(session)).length > 0) return undefined;
    return await session.queryOne<Pick<Idle, 'sessions' | 'start'>>(
      `SELECT coalesce(sum(sessions), 0)::text AS sessions, pg_postmaster_start_time()::text AS start
         FROM pg_stat_database WHERE datname <> '${lookingDatabase}'`,
    );
  } finally {
    await session.close();
  }
}

function openForLook(folder: string): Promise<Session> {
  const name = 'belay auto-stop';
  // Some close it: then every look counts as a session, and the server runs on.
  return openBranchServer(folder, name, lookingDatabase).catch(() =>
    openBranchServer(folder, name),
  );
}

async function readIdle(file: string): Promise<Idle | undefined> {
  try {
    const idle = JSON.parse(await readFile(file, 'utf8'));
    return typeof idle.since === 'number' ? idle : undefined;
  } catch {
    return undefined;
  }
}
