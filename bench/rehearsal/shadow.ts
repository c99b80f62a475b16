import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { abortShadow } from '../../src/features/shadow/abort.js';
import { createShadow } from '../../src/features/shadow/create.js';
import { promoteShadow } from '../../src/features/shadow/promote.js';
import { syncShadow } from '../../src/features/shadow/sync.js';
import { openTarget, type Target } from '../../src/features/target/open-target.js';
import { serverEnvironment } from '../../src/process/server-environment.js';
import { runWatched } from '../checkpoints/watched-program.js';
import { fillDatabase } from '../dataset.js';
import { type BenchServer, benchDatabase, runSql, urlOf, withClient } from '../server.js';
import type { SuiteContext } from '../suite.js';
import { writeAllTheTime } from './writers.js';

/** Seconds, medians of the runs. */
export interface ShadowResult {
  readonly sizeBytes: number;
  readonly runs: number;
  /** Table by table, a migration included that takes no time. */
  readonly copy: number;
  /** By CREATE DATABASE … TEMPLATE. */
  readonly clone: number;
  /** `pg_dump -Fc -Z1` and `pg_restore -j2`; null: the server comes without them. */
  readonly dumpRestore: number | null;
  /** After 1 % of the rows were updated. */
  readonly secondSync: number;
  /** Of promotes while writers write, in milliseconds: the longest. */
  readonly outageMs: number;
  /** The longest time in which no writer could commit, as they saw it. */
  readonly writersSawMs: number;
  readonly followed: 'logical' | 'scan';
}

const migration = 'ALTER TABLE accounts ADD COLUMN tier int NOT NULL DEFAULT 0;';

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;

async function timed<T>(work: () => Promise<T>): Promise<{ seconds: number; result: T }> {
  const startedAt = performance.now();
  const result = await work();
  return { seconds: (performance.now() - startedAt) / 1000, result };
}

async function dumpAndRestore(server: BenchServer, context: SuiteContext): Promise<void> {
  const env = {
    ...serverEnvironment(process.env),
    ...{ PGHOST: '127.0.0.1', PGPORT: String(server.port), PGUSER: 'postgres' },
    PGPASSWORD: server.password,
  };
  const file = `${server.dataDir}-shadow.dump`;
  const run = (tool: string, args: readonly string[]) => {
    const options = { cwd: server.dataDir, env, ownName: tool, signal: context.signal };
    return runWatched(join(server.binDir, tool), args, options);
  };
  await runSql(server, 'CREATE DATABASE restored TEMPLATE template0');
  try {
    await run('pg_dump', ['-Fc', '-Z1', '-f', file, benchDatabase]);
    await run('pg_restore', ['-j2', '-d', 'restored', file]);
  } finally {
    await rm(file, { force: true });
    await runSql(server, 'DROP DATABASE IF EXISTS restored WITH (FORCE)');
  }
}

const updateSql = `UPDATE accounts SET balance = balance + 1 WHERE id % 100 = 1;
  UPDATE events SET at = at + interval '1 s' WHERE id % 100 = 1`;

interface Runs {
  readonly copy: number[];
  readonly clone: number[];
  readonly dumpRestore: number[];
  readonly secondSync: number[];
}

async function measureRun(
  target: Target,
  server: BenchServer,
  file: string,
  runs: Runs,
  context: SuiteContext,
): Promise<void> {
  if (server.installation.hasClientTools) {
    runs.dumpRestore.push((await timed(() => dumpAndRestore(server, context))).seconds);
    context.say(`shadow: pg_dump and pg_restore: ${runs.dumpRestore.at(-1)?.toFixed(1)} s`);
  }
  const order = { inputs: [file] };
  runs.clone.push((await timed(() => createShadow(target, { ...order, method: 'clone' }))).seconds);
  await abortShadow(target, {});
  const copied = await timed(() => createShadow(target, { ...order, method: 'copy', jobs: 2 }));
  runs.copy.push(copied.seconds);
  context.say(`shadow: copied table by table: ${copied.seconds.toFixed(1)} s`);
  await syncShadow(target, {});
  await withClient(urlOf(server), (client) => client.query(updateSql));
  const synced = await timed(() => syncShadow(target, {}));
  runs.secondSync.push(synced.seconds);
  context.say(
    `shadow: ${synced.result.rowsBroughtOver} rows brought over by ${synced.result.method}: ${synced.seconds.toFixed(2)} s`,
  );
  await abortShadow(target, {});
}

/** Makes shadows of a database, brings changes over, and promotes under load; side by side with dump and restore. */
export async function measureShadow(
  server: BenchServer,
  context: SuiteContext,
): Promise<ShadowResult> {
  const { options, signal, say } = context;
  say(`shadow: building a database of ${Math.round(options.sizeBytes / 1e6)} MB`);
  await runSql(server, `DROP DATABASE IF EXISTS ${benchDatabase} WITH (FORCE)`);
  await runSql(server, `CREATE DATABASE ${benchDatabase}`);
  const { sizeBytes } = await withClient(urlOf(server), (client) =>
    fillDatabase(client, options.sizeBytes, signal),
  );
  const file = `${server.dataDir}-migration.sql`;
  await writeFile(file, migration);
  const target = await openTarget({ url: urlOf(server), store: `${server.dataDir}-store` });
  const runs: Runs = { copy: [], clone: [], dumpRestore: [], secondSync: [] };
  try {
    for (let run = 1; run <= options.runs; run += 1) {
      signal.throwIfAborted();
      await measureRun(target, server, file, runs, context);
    }
    const made = await createShadow(target, { inputs: [file], method: 'copy' });
    const writing = await writeAllTheTime(urlOf(server), { writers: 4, signal });
    const promoted = await promoteShadow(target, {});
    const writersSawMs = await writing.end();
    return {
      ...{ sizeBytes, runs: options.runs, copy: median(runs.copy), clone: median(runs.clone) },
      dumpRestore: runs.dumpRestore.length > 0 ? median(runs.dumpRestore) : null,
      ...{ secondSync: median(runs.secondSync), outageMs: promoted.outageMs, writersSawMs },
      followed: made.replication,
    };
  } finally {
    await target.close();
    await rm(file, { force: true });
  }
}
