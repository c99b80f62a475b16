import { prepare } from './caches.js';
import type { Caches } from './options.js';
import { Prober } from './prober.js';
import type { Measurement, Run } from './results.js';
import { type BenchServer, urlOf } from './server.js';

/** What every measurement on one database needs. */
export interface Bench {
  readonly server: BenchServer;
  readonly runs: number;
  readonly caches: Caches;
  readonly signal: AbortSignal;
  say(line: string): void;
}

export interface Trial extends Pick<Measurement, 'operation' | 'contender' | 'what'> {
  /** The database that is read; its files are made warm or cold before each run. */
  readonly source: string;
  /** False where no client could be served anyway. */
  readonly watched: boolean;
  /** What is timed. Gives what is known besides the time. */
  run(index: number): Promise<Pick<Run, 'reportedOutageMs' | 'stepsMs'> | undefined>;
  /** Removes what the run has made, untimed. */
  after?(index: number): Promise<void>;
}

/**
 * Runs trials several times, each from the same start, and in turn: what else the machine does then falls on all
 * of them and not on one.
 */
export async function measureInTurn(
  bench: Bench,
  trials: readonly Trial[],
): Promise<Measurement[]> {
  const runs = trials.map((): Run[] => []);
  for (let index = 0; index < bench.runs; index += 1) {
    for (const [at, trial] of trials.entries()) {
      bench.signal.throwIfAborted();
      await prepare(bench.server, bench.caches, trial.source);
      const run = await (trial.watched ? watchedRun(bench, trial, index) : timedRun(trial, index));
      runs[at]?.push(run);
      bench.say(`  ${trial.operation} with ${trial.contender}: ${Math.round(run.totalMs)} ms`);
      await trial.after?.(index);
    }
  }
  return trials.map(({ operation, contender, what }, at) => ({
    ...{ operation, contender, what, caches: bench.caches },
    runs: runs[at] ?? [],
  }));
}

async function timedRun(trial: Trial, index: number): Promise<Run> {
  const startedAt = performance.now();
  const known = await trial.run(index);
  return { totalMs: performance.now() - startedAt, outageMs: null, ...known };
}

async function watchedRun(bench: Bench, trial: Trial, index: number): Promise<Run> {
  const prober = new Prober(urlOf(bench.server), bench.signal);
  await prober.start();
  try {
    const { result, outageMs } = await prober.watch(() => timedRun(trial, index));
    return { ...result, outageMs };
  } finally {
    await prober.stop();
  }
}

/** What the client sees while nothing happens: smaller gaps can't be told from none. */
export async function measureIdleGap({ server, signal }: Bench): Promise<number> {
  const prober = new Prober(urlOf(server), signal);
  await prober.start();
  try {
    const idle = () => new Promise((resolve) => setTimeout(resolve, 1000));
    return (await prober.watch(idle)).outageMs;
  } finally {
    await prober.stop();
  }
}
