import { createHash } from 'node:crypto';
import { mkdir, open, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { loadedBranches } from '../../config/branches-config.js';
import { dataHome } from '../../config/data-home.js';
import { isExpired } from '../../domain/branch.js';
import { parseDuration } from '../../domain/duration.js';
import { silentReporter } from '../../domain/reporter.js';
import type { Target } from '../target/open-target.js';
import type { WorkOptions } from '../target/work.js';
import { findBranches } from './find-branch.js';
import { gcBranches, type RemovedBranch } from './gc.js';
import { stopIdleServers } from './stop-idle.js';

export interface UpkeepOptions extends WorkOptions {
  /** How long it is left alone after it was last looked after, by whichever process of this user; default an hour. */
  readonly everyMs?: number | undefined;
}

/** What was done in passing. */
export interface Upkeep {
  /** Branches whose time was over. */
  readonly removed: readonly RemovedBranch[];
  /** Folders of branches whose server was stopped, since nobody used it. */
  readonly stopped: readonly string[];
}

const defaultEveryMs = 3_600_000;
const defaultAutoStopMs = 600_000;
const nothing: Upkeep = { removed: [], stopped: [] };

/**
 * Looks after the branches of a target in passing: removes those that have expired, and stops servers that nobody uses.
 * At most once an hour, by the time of a file in Belay's data folder, and without waiting for anybody. Never fails: what
 * it was called beside is what somebody wanted.
 *
 * @example
 * await upkeepBranches(root, { reporter });
 */
export async function upkeepBranches(root: Target, options: UpkeepOptions = {}): Promise<Upkeep> {
  const { reporter = silentReporter, everyMs = defaultEveryMs } = options;
  try {
    if (!(await isDue(root, everyMs))) return nothing;
    const removed = await removeExpired(root, options);
    return { removed, stopped: await stopServers(root, options) };
  } catch (error) {
    if (options.signal?.aborted) return nothing;
    const why = error instanceof Error ? error.message : String(error);
    reporter({ type: 'note', message: `branches were not looked after: ${why}` });
    return nothing;
  }
}

async function stopServers(
  root: Target,
  { signal, reporter }: UpkeepOptions,
): Promise<readonly string[]> {
  const { autoStop } = await loadedBranches(root);
  const idleMs = autoStop === undefined ? defaultAutoStopMs : parseDuration(autoStop);
  return (await stopIdleServers(root, { idleMs, signal, reporter })).stopped;
}

async function removeExpired(
  root: Target,
  { signal, reporter = silentReporter }: UpkeepOptions,
): Promise<readonly RemovedBranch[]> {
  const now = new Date();
  const branches = await findBranches(root);
  if (!branches.some(({ record }) => isExpired(record, now))) return [];
  // Whoever holds the lock is at work: in an hour is soon enough.
  const options = { reasons: ['expired'] as const, lockWaitMs: 0, signal, reporter, now };
  const { removed } = await gcBranches(root, options);
  for (const { name, why } of removed) {
    reporter({ type: 'note', message: `removed branch "${name}": ${why}` });
  }
  return removed;
}

/** Whether it is time again; then the time begins anew, so that of two processes one goes on. */
async function isDue(root: Target, everyMs: number): Promise<boolean> {
  const key = createHash('sha256').update(`${root.server}\n${root.database}`).digest('hex');
  const file = path.join(dataHome(root.env), 'upkeep', key.slice(0, 16));
  const mark = await stat(file).catch(() => undefined);
  const now = new Date();
  // A time in the future is a clock that was put back.
  const ageMs = mark ? now.getTime() - mark.mtimeMs : Number.POSITIVE_INFINITY;
  if (ageMs >= 0 && ageMs < everyMs) return false;
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await (await open(file, 'a', 0o600)).close();
  await utimes(file, now, now);
  return true;
}
