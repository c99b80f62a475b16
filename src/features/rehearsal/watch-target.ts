import { setTimeout as wait } from 'node:timers/promises';
import { judgeTarget } from '../../domain/isolation-verdict.js';
import type { UntouchedProof } from '../../domain/rehearsal.js';
import {
  type InnerEvidence,
  type OuterEvidence,
  readInnerEvidence,
  readOuterEvidence,
} from '../../postgres/rehearsal/target-evidence.js';
import { readSchemaChecksum } from '../../postgres/schema/read-schema-model.js';
import { type CommandProcesses, findCommandProcesses } from '../../process/isolated-processes.js';
import type { Target } from '../target/open-target.js';
import { type SessionCounts, SessionWatcher } from './watch-sessions.js';

export interface WatchOptions {
  /**
   * The name that the command's sessions have in pg_stat_activity, where its driver reads PGAPPNAME. Default: there is
   * no command.
   */
  readonly applicationName?: string | undefined;
  /** Between two looks; default 50 ms. */
  readonly intervalMs?: number | undefined;
}

export interface TargetWatch {
  /** By these the command's sessions are recognised; to be told as soon as it runs. */
  follow(processes: CommandProcesses): void;
  /** Looks once more and judges. Ends the watch. */
  finish(): Promise<UntouchedProof>;
  /** After `finish`: what changed that belongs to all databases of the target's server, e.g. roles. */
  readonly serverChanges: readonly string[];
  /** Ends it without a judgement. To be called where `finish` is not. */
  cancel(): Promise<void>;
}

/** All that is known of the target at one moment at which Belay has no session in it. */
interface TargetState {
  readonly outer: OuterEvidence;
  /** Null: it is not there. */
  readonly inner: (InnerEvidence & { readonly checksum: string }) | null;
}

/** What sessions that were closed just before take to be gone. */
const settleMs = 300;
/** How long the server's counters are waited for: a session's are complete when it is gone. */
const goneWaitMs = 5_000;
/** Until PostgreSQL 14 counts travelled through a process of their own, at most twice a second. */
const collectorMs = 1_100;

/**
 * Watches the target while a command runs on a copy of it: what it is like before, who is connected meanwhile, what
 * it is like afterwards. Until `finish` nobody else of Belay's may connect to it.
 */
export async function startWatch(target: Target, options: WatchOptions = {}): Promise<TargetWatch> {
  const { oid } = await readOuterEvidence(target.main, target.database);
  let processes: CommandProcesses | null = null;
  const watcher = new SessionWatcher({
    open: () => target.openHelper(),
    oid: oid ?? 0,
    applicationName: options.applicationName ?? null,
    intervalMs: options.intervalMs ?? 50,
    findProcesses: async () => (processes ? findCommandProcesses(processes) : []),
  });
  let serverChanges: readonly string[] = [];
  const before = await readBefore(target, watcher);
  return {
    get serverChanges() {
      return serverChanges;
    },
    follow: (found) => {
      processes = found;
    },
    cancel: async () => {
      await watcher.stop();
    },
    finish: async () => {
      const after = await readAfter(target, watcher);
      serverChanges = sharedChanges(before.outer.shared, after.outer.shared);
      return judgeTarget(observationOf(target.database, before, after, await watcher.stop()));
    },
  };
}

/** Whoever comes while it is read is seen. The counters come last, so that they know Belay's own session already. */
async function readBefore(target: Target, watcher: SessionWatcher): Promise<TargetState> {
  await watcher.start(settleMs);
  try {
    const { oid } = await readOuterEvidence(target.main, target.database);
    const inner = await readInner(target, watcher, oid);
    await settleCounters(target);
    return { inner, outer: await readOuterEvidence(target.main, target.database) };
  } catch (error) {
    await watcher.stop();
    throw error;
  }
}

/** The counters come first, so that they do not know Belay's own session yet. */
async function readAfter(target: Target, watcher: SessionWatcher): Promise<TargetState> {
  try {
    await watcher.waitForCommand(goneWaitMs);
    await settleCounters(target);
    const outer = await readOuterEvidence(target.main, target.database);
    return { outer, inner: await readInner(target, watcher, outer.oid) };
  } catch (error) {
    await watcher.stop();
    throw error;
  }
}

async function settleCounters({ main }: Target): Promise<void> {
  if (main.serverVersion < 150000) await wait(collectorMs);
}

async function readInner(target: Target, watcher: SessionWatcher, oid: number | null) {
  if (oid === null) return null;
  const session = await target.openDatabase(target.database);
  const { pid } = session;
  watcher.ignore(pid);
  try {
    return { ...(await readInnerEvidence(session)), checksum: await readSchemaChecksum(session) };
  } finally {
    await session.close();
    await waitUntilGone(target, pid);
  }
}

/** What a session has done is counted when it ends, a moment after it was closed. */
async function waitUntilGone({ main }: Target, pid: number): Promise<void> {
  const until = performance.now() + goneWaitMs;
  while (performance.now() < until) {
    const sql = 'SELECT 1 FROM pg_stat_activity WHERE pid = $1';
    if ((await main.query(sql, [pid], 'waiting for a session to end')).length === 0) return;
    await wait(5);
  }
}

function observationOf(
  database: string,
  before: TargetState,
  after: TargetState,
  counts: SessionCounts,
) {
  const [from, to] = [before.inner, after.inner];
  const isReplaced = before.outer.oid !== after.outer.oid;
  const differs = (name: keyof InnerEvidence | 'checksum') => from?.[name] !== to?.[name];
  const hasCounts = before.outer.statistics === after.outer.statistics;
  const written =
    hasCounts && from?.writes != null && to?.writes != null
      ? Number(BigInt(to.writes) - BigInt(from.writes))
      : null;
  const begun =
    hasCounts && before.outer.sessions !== null && after.outer.sessions !== null
      ? Number(BigInt(after.outer.sessions) - BigInt(before.outer.sessions))
      : null;
  return {
    ...{ database, isReplaced, isSchemaChanged: differs('checksum') },
    areRelationsChanged: differs('relations'),
    areSequencesMoved: differs('sequences'),
    // Of a table that is dropped the counts are gone as well; the schema says that then.
    rowsWritten: written === null ? null : Math.max(0, written),
    unseenSessions: begun === null ? null : Math.max(0, begun - counts.clientsBegun),
    ...counts,
  };
}

/** Roles and such that came, went or changed. */
function sharedChanges(before: readonly string[], after: readonly string[]): string[] {
  const gone = before.filter((line) => !after.includes(line));
  const come = after.filter((line) => !before.includes(line));
  return [...gone.map((line) => `gone: ${line}`), ...come.map((line) => `new: ${line}`)];
}
