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
import { type Bench, measureInTurn, type Trial } from './measure.js';
import type { Measurement, Run } from './results.js';
import { benchDatabase, urlOf } from './server.js';

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

async function deleteTag(bench: Bench, reference: string): Promise<void> {
  await withTarget(bench, (target) => deleteSnapshot(target, { reference, confirm: () => true }));
}

/** The database that holds a snapshot's copy. */
export function cloneOf(snapshot: Snapshot): string {
  const clone = snapshot.copies.find(({ type }) => type === 'clone');
  if (!clone || !('database' in clone)) throw new Error(`"${snapshot.tag}" has no clone`);
  return clone.database;
}

/** Takes the snapshot that everything is restored from. Not timed. */
export function takeBase(bench: Bench): Promise<Snapshot> {
  return withTarget(bench, async (target) => {
    const taken = await takeSnapshot(target, { tag: baseTag, signal: bench.signal });
    return taken.snapshot;
  });
}

export function snapshotTrial(bench: Bench): Trial {
  const { signal } = bench;
  return {
    ...{ operation: 'snapshot', contender: 'belay', what: 'takeSnapshot' },
    ...{ source: benchDatabase, watched: true },
    run: (index) =>
      timeSteps(bench, (target, reporter) =>
        takeSnapshot(target, { tag: `run-${index}`, reporter, signal }),
      ),
    after: (index) => deleteTag(bench, `run-${index}`),
  };
}

/** @param source the database that is the base snapshot's clone */
export function restoreTrial(bench: Bench, source: string): Trial {
  const { signal } = bench;
  return {
    ...{ operation: 'restore', contender: 'belay', what: 'restoreSnapshot' },
    ...{ source, watched: true },
    run: () =>
      timeSteps(bench, (target, reporter) =>
        restoreSnapshot(target, { reference: baseTag, reporter, signal }),
      ),
    // What the restore has kept is the newest snapshot.
    after: () => deleteTag(bench, 'latest'),
  };
}

/** @param source the database that is the base snapshot's clone */
export function switchTrial(bench: Bench, source: string): Trial {
  const { signal } = bench;
  return {
    ...{ operation: 'switch', contender: 'belay', source, watched: true },
    what: 'switchSnapshot, keeping the present state',
    run: (index) =>
      timeSteps(bench, (target, reporter) =>
        switchSnapshot(target, { reference: baseTag, save: `kept-${index}`, reporter, signal }),
      ),
    after: (index) => deleteTag(bench, `kept-${index}`),
  };
}

export async function measureUndo(bench: Bench, source: string): Promise<Measurement[]> {
  const { signal } = bench;
  // The first undo takes this back; each further one takes back the undo before it.
  await restoreTrial(bench, source).run(0);
  const undone = await measureInTurn(bench, [
    {
      ...{ operation: 'undo', contender: 'belay', what: 'undoRestore', source, watched: true },
      run: () => timeSteps(bench, (target, reporter) => undoRestore(target, { reporter, signal })),
    },
  ]);
  await deleteTag(bench, 'latest');
  return undone;
}
