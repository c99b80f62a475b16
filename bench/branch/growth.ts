import path from 'node:path';
import {
  type BranchIsolation,
  createBranch,
  deleteBranch,
  openTarget,
  type Target,
} from '../../src/index.js';
import { runProgram } from '../../src/process/run.js';
import { fillDatabase } from '../dataset.js';
import type { BenchFolder } from '../file-system.js';
import {
  type BenchServer,
  benchDatabase,
  findServers,
  runSql,
  urlOf,
  withClient,
} from '../server.js';
import type { SuiteContext } from '../suite.js';

/** Making branches of a database of one size. Milliseconds, one a run. */
export interface BranchTimes {
  readonly sizeBytes: number;
  /** From what is live, without other sessions. */
  readonly database: readonly number[];
  /** From a snapshot that was counted. */
  readonly fromSnapshot: readonly number[];
  /** A server of its own, while pgbench works on the source's server. */
  readonly cluster: readonly number[];
  /** Of pgbench meanwhile; null: it is not on this machine. */
  readonly load: { readonly transactions: number; readonly failed: number } | null;
}

const loadDatabase = 'load';
const loadClients = 4;

/** Fills a database, and makes branches of it. */
export async function measureGrowth(
  server: BenchServer,
  folder: BenchFolder,
  sizeBytes: number,
  context: SuiteContext,
): Promise<BranchTimes> {
  const { say, signal, options } = context;
  await runSql(server, `DROP DATABASE IF EXISTS ${benchDatabase} WITH (FORCE)`);
  await runSql(server, `CREATE DATABASE ${benchDatabase}`);
  say(`filling a database of ${Math.round(sizeBytes / 1e6)} MB`);
  const filled = await withClient(urlOf(server), (client) =>
    fillDatabase(client, sizeBytes, signal),
  );
  const env = { ...process.env, BELAY_HOME: path.join(folder.path, 'belay-home') };
  const open = () => openTarget({ url: urlOf(server), env, action: 'bench' });
  const make = (isolation: BranchIsolation, from: string) =>
    timeBranches(open, { isolation, from, runs: options.runs });
  const database = await make('database', 'live');
  const fromSnapshot = await withSnapshot(open, () => make('database', 'bench-base'));
  const loaded = await underLoad(server, () => make('cluster', 'live'));
  return {
    ...{ sizeBytes: filled.sizeBytes, database, fromSnapshot },
    ...{ cluster: loaded.result, load: loaded.load },
  };
}

interface Order {
  readonly isolation: BranchIsolation;
  readonly from: string;
  readonly runs: number;
}

async function timeBranches(open: () => Promise<Target>, order: Order): Promise<number[]> {
  const times: number[] = [];
  const { isolation, from } = order;
  for (let run = 0; run < order.runs; run += 1) {
    const target = await open();
    try {
      const { durationMs } = await createBranch(target, { name: 'bench', isolation, from });
      times.push(durationMs);
      await deleteBranch(target, { name: 'bench', confirm: () => true });
    } finally {
      await target.close();
    }
  }
  return times;
}

async function withSnapshot<T>(open: () => Promise<Target>, work: () => Promise<T>): Promise<T> {
  const { deleteSnapshot, takeSnapshot } = await import('../../src/index.js');
  const target = await open();
  try {
    await takeSnapshot(target, { tag: 'bench-base' });
    const result = await work();
    await deleteSnapshot(target, { reference: 'bench-base', confirm: () => true });
    return result;
  } finally {
    await target.close();
  }
}

/** Runs pgbench on another database of the server for as long as work takes, two seconds at a time: each run tells what failed. */
async function underLoad<T>(
  server: BenchServer,
  work: () => Promise<T>,
): Promise<{ result: T; load: BranchTimes['load'] }> {
  const { installed } = await findServers();
  if (!installed) return { result: await work(), load: null };
  const pgbench = path.join(installed.binDir, 'pgbench');
  await runSql(server, `DROP DATABASE IF EXISTS ${loadDatabase} WITH (FORCE)`);
  await runSql(server, `CREATE DATABASE ${loadDatabase}`);
  const url = urlOf(server, loadDatabase);
  await runProgram(pgbench, ['-i', '-s', '5', '-q', url], { mustSucceed: true });
  let isDone = false;
  const load = { transactions: 0, failed: 0 };
  const running = (async () => {
    while (!isDone) await runLoad(pgbench, url, load);
  })();
  try {
    return { result: await work(), load };
  } finally {
    isDone = true;
    await running;
  }
}

async function runLoad(
  pgbench: string,
  url: string,
  load: { transactions: number; failed: number },
): Promise<void> {
  const args = ['-c', String(loadClients), '-T', '2', '-n', url];
  const { exitCode, stdout } = await runProgram(pgbench, args);
  const count = (name: string) =>
    Number(new RegExp(`^number of ${name}: (\\d+)`, 'm').exec(stdout)?.[1] ?? 0);
  load.transactions += count('transactions actually processed');
  // A client whose connection or statement fails ends the run with an error of its own.
  load.failed += count('failed transactions') + (exitCode === 0 ? 0 : 1);
}
