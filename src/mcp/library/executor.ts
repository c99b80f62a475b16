import { loadConfig } from '../../config/load-config.js';
import type { InventoryBranch } from '../../contract/inventory.js';
import { isBranchProtected } from '../../domain/branch.js';
import type { LedgerEntry } from '../../domain/ledger.js';
import { openConfiguredStore } from '../../features/archive/open-configured-store.js';
import { findBranches, openRoot } from '../../features/branch/find-branch.js';
import { showBranch } from '../../features/branch/list.js';
import { readVersionGraph } from '../../features/history/list-versions.js';
import { actingFor } from '../../features/ledger/acting-for.js';
import { readLedger } from '../../features/ledger/read.js';
import { listSnapshots } from '../../features/snapshot/list.js';
import { showSnapshot } from '../../features/snapshot/show.js';
import { openTarget, type Target } from '../../features/target/open-target.js';
import type { Executor, ToolCall } from '../executor.js';
import { createGate } from './gate.js';
import { type CommandTarget, findPlaces, targetOf } from './places.js';
import { type VerbOptions, verbs } from './verbs.js';

export interface LibraryExecutorOptions {
  /** What the command line is pointed at. */
  readonly command: CommandTarget & { readonly cwd: string; readonly env: NodeJS.ProcessEnv };
  readonly allowProduction?: string | undefined;
  /** As the ledger names who asked, e.g. "assistant claude-code". Asked at each call: it is known after the first words. */
  readonly describeCaller: () => string;
}

export interface LibraryExecutor extends Executor {
  /** Resolves when nothing is at work any more. */
  settled(): Promise<void>;
}

/** A program that calls everything at once must not take all connections of a server. */
const mostAtOnce = 4;

/** Does what tools say with the library itself, on the databases of a command line and its configuration. */
export function createLibraryExecutor(options: LibraryExecutorOptions): LibraryExecutor {
  const { command } = options;
  const gate = createGate(mostAtOnce);
  const on = <T>(
    call: ToolCall,
    action: string,
    work: (target: Target) => Promise<T>,
    open: typeof openTarget = openTarget,
  ): Promise<T> =>
    gate.pass(call.signal, () =>
      actingFor(options.describeCaller(), async () => {
        const where = await targetOf(command, call.place);
        const target = await open({ ...where, action: `mcp ${action}` });
        try {
          return await work(target);
        } finally {
          await target.close();
        }
      }),
    );
  return {
    placeArgument: 'target',
    settled: gate.settled,
    places: () => findPlaces(command),
    timeline: (call) =>
      on(call, 'list', async (target) => {
        const { snapshots, current, storeProblem } = await listSnapshots(target);
        const { basedOn, undo } = current;
        return { snapshots, basedOn, undo, problem: storeProblem };
      }),
    snapshot: (call, reference) => on(call, 'show', (target) => showSnapshot(target, reference)),
    branches: (call) => on(call, 'branch list', listBranchesOf, openRoot),
    versions: (call) =>
      on(call, 'graph', async (target) => {
        const { versions, current } = await readVersionGraph(target);
        return { versions, current };
      }),
    ledger: (call, limit) => gate.pass(call.signal, () => readNewest(options, call, limit)),
    perform: (call, verb, input) =>
      on(
        call,
        verb,
        async (target) => verbs[verb](target, input, await verbOptions(options, call)),
        verb === 'branch-create' ? openRoot : openTarget,
      ),
  };
}

async function verbOptions(
  { command, allowProduction }: LibraryExecutorOptions,
  { signal, report }: ToolCall,
): Promise<VerbOptions> {
  const { cwd, env } = command;
  const sessions = (await loadConfig({ cwd, env }))?.config.sessions;
  return { cwd, env, signal, reporter: report, sessions, allowProduction };
}

async function listBranchesOf(root: Target): Promise<InventoryBranch[]> {
  const now = new Date();
  return (await findBranches(root)).map((found) => {
    const { name, database, url, isolation, state, basedOn, createdAt, expiresAt, git } =
      showBranch(found);
    return {
      ...{ name, database, url, isolation, state, createdAt, expiresAt },
      basedOn: basedOn.kind === 'live' ? null : basedOn.tag,
      isProtected: isBranchProtected(found.record, now),
      gitBranch: git?.branch ?? null,
      sizeBytes: null,
    };
  });
}

/** Needs no database, so that it can be read when the server is down. */
async function readNewest(
  { command }: LibraryExecutorOptions,
  call: ToolCall,
  limit: number,
): Promise<LedgerEntry[]> {
  const { store, cwd, env } = await targetOf(command, call.place);
  const opened = await openConfiguredStore({ store, cwd, env });
  try {
    const { entries } = await readLedger(opened, { limit, signal: call.signal });
    return [...entries].reverse();
  } finally {
    await opened.close();
  }
}
