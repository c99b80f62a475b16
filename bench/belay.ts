import {
  deleteSnapshot,
  openTarget,
  type Reporter,
  restoreSnapshot,
  type Snapshot,
  switchSnapshot,
  type Target,
  takeSnapshot,
  undoRestore,
} from '../src/index.js';
import { type Bench, measure } from './measure.js';
import type { Measurement, Run } from './results.js';
import { urlOf } from './server.js';

/** The snapshot that everything is restored from. */
const baseTag = 'base';

/** Opens the target, works, and closes it: the whole of what a caller of the library waits for. */
async function withTarget<T>(bench: Bench, work: (target: Target) => Promise<T>): Promise<T> {
  const target = await openTarget({ url: urlOf(bench.server), cwd: bench.server.dataDir, env: {} });
  try {
    return await work(target);
  } finally {
    await target.close();
  }
}

function stepTimes(): { reporter: Reporter; stepsMs: Record<string, number> } {
  const stepsMs: Record<string, number> = {};
  const reporter: Reporter = (event) => {
    if (event.type !== 'step-done') return;
    stepsMs[event.name] = (stepsMs[event.name] ?? 0) + event.durationMs;
  };
  return { reporter, stepsMs };
}

type Verb = (target: Target, reporter: Reporter) => Promise<{ readonly outageMs: number }>;

async function timeSteps(
  bench: Bench,
  verb: Verb,
): Promise<Pick<Run, 'reportedOutageMs' | 'stepsMs'>> {
  const { reporter, stepsMs } = stepTimes();
  const { outageMs } = await withTarget(bench, (target) => verb(target, reporter));
  return { reportedOutageMs: outageMs, stepsMs };
}

function deleteTag(bench: Bench, reference: string): Promise<unknown> {
  return withTarget(bench, (target) => deleteSnapshot(target, { reference, confirm: () => true }));
}

/** The database that holds a snapshot's copy. */
export function cloneOf(snapshot: Snapshot): string {
  const clone = snapshot.copies.find(({ type }) => type === 'clone');
  if (!clone || !('database' in clone)) throw new Error(`"${snapshot.tag}" has no clone`);
  return clone.database;
}

export interface BelayResult {
  readonly measurements: readonly Measurement[];
  /** The snapshot from which everything was restored; it is still there. */
  readonly base: Snapshot;
}

/** Snapshot, restore, undo and switch with the library, a client watching. */
export async function measureBelay(bench: Bench, database: string): Promise<BelayResult> {
  const { signal } = bench;
  const taken = await measure(bench, {
    ...{ operation: 'snapshot', contender: 'belay', what: 'takeSnapshot' },
    ...{ source: database, watched: true },
    run: (index) =>
      timeSteps(bench, (target, reporter) =>
        takeSnapshot(target, { tag: `run-${index}`, reporter, signal }),
      ),
    after: async (index) => {
      await deleteTag(bench, `run-${index}`);
    },
  });
  const { snapshot: base } = await withTarget(bench, (target) =>
    takeSnapshot(target, { tag: baseTag, signal }),
  );
  const source = cloneOf(base);
  const restored = await measureRestore(bench, source);
  return { measurements: [taken, ...restored], base };
}

async function measureRestore(bench: Bench, source: string): Promise<Measurement[]> {
  const { signal } = bench;
  const common = { contender: 'belay', source, watched: true } as const;
  const restore: Verb = (target, reporter) =>
    restoreSnapshot(target, { reference: baseTag, reporter, signal });
  const restored = await measure(bench, {
    ...{ ...common, operation: 'restore', what: 'restoreSnapshot' },
    run: () => timeSteps(bench, restore),
    // What the restore has kept is the newest snapshot.
    after: async () => void (await deleteTag(bench, 'latest')),
  });
  // The first undo takes this back; each further one takes back the undo before it.
  await timeSteps(bench, restore);
  const undone = await measure(bench, {
    ...{ ...common, operation: 'undo', what: 'undoRestore' },
    run: () => timeSteps(bench, (target, reporter) => undoRestore(target, { reporter, signal })),
    after: async () => {},
  });
  await deleteTag(bench, 'latest');
  const switched = await measure(bench, {
    ...{ ...common, operation: 'switch', what: 'switchSnapshot, keeping the present state' },
    run: (index) =>
      timeSteps(bench, (target, reporter) =>
        switchSnapshot(target, { reference: baseTag, save: `kept-${index}`, reporter, signal }),
      ),
    after: async (index) => void (await deleteTag(bench, `kept-${index}`)),
  });
  return [restored, undone, switched];
}
