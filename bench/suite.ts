import { rm } from 'node:fs/promises';
import pg from 'pg';
import type { Snapshot } from '../src/index.js';
import type { PostgresInstallation } from '../src/process/installation.js';
import {
  dumpRestoreTrial,
  dumpTrial,
  fileCopyTrial,
  templateRestoreTrial,
  templateSnapshotTrial,
} from './alternatives.js';
import {
  cloneOf,
  measureUndo,
  restoreTrial,
  snapshotTrial,
  switchTrial,
  takeBase,
} from './belay.js';
import { fillDatabase } from './dataset.js';
import type { BenchFolder } from './file-system.js';
import { type Bench, measureIdleGap, measureInTurn } from './measure.js';
import type { BenchOptions } from './options.js';
import type { Measurement, ServerResult, SizeResult, StartUpResult } from './results.js';
import {
  type BenchServer,
  benchDatabase,
  runSql,
  serverSettings,
  startBenchServer,
  urlOf,
  withClient,
} from './server.js';
import { measureStartUp } from './start-up.js';

/** The smaller database is the larger one divided by this. */
const sizeFactor = 4;

export interface SuiteContext {
  readonly options: BenchOptions;
  readonly signal: AbortSignal;
  say(line: string): void;
}

/** Removes all databases but the server's own. The server is the comparison's, so nobody else has any in it. */
async function dropAll(server: BenchServer): Promise<void> {
  await withClient(server.adminUrl, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      `SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')`,
    );
    for (const { datname } of rows) {
      await client.query(`DROP DATABASE ${pg.escapeIdentifier(datname)} WITH (FORCE)`);
    }
  });
}

async function measureOperations(
  bench: Bench,
  folder: BenchFolder,
): Promise<{ base: Snapshot; measurements: Measurement[] }> {
  const { hasClientTools } = bench.server.installation;
  const snapshots = [snapshotTrial(bench), templateSnapshotTrial(bench)];
  // With reflinks cp shares blocks too, and copies nothing that could be compared.
  if (!folder.hasReflinks) snapshots.push(await fileCopyTrial(bench));
  if (hasClientTools) snapshots.push(dumpTrial(bench));
  const taken = await measureInTurn(bench, snapshots);
  const base = await takeBase(bench);
  const clone = cloneOf(base);
  const undone = await measureUndo(bench, clone);
  const restores = [
    restoreTrial(bench, clone),
    switchTrial(bench, clone),
    templateRestoreTrial(bench, clone),
  ];
  const restored = await measureInTurn(bench, restores);
  // Last: what pg_restore has made is no longer the database that was generated.
  const fromDump = hasClientTools ? await measureInTurn(bench, [dumpRestoreTrial(bench)]) : [];
  return { base, measurements: [...taken, ...restored, ...fromDump, ...undone] };
}

async function measureSize(
  bench: Bench,
  folder: BenchFolder,
  wantedBytes: number,
): Promise<SizeResult & { readonly idleGapMs: number }> {
  const { server, signal } = bench;
  bench.say(`building a database of ${Math.round(wantedBytes / 1e6)} MB`);
  await runSql(server, `CREATE DATABASE ${benchDatabase}`);
  const dataset = await withClient(urlOf(server), (client) =>
    fillDatabase(client, wantedBytes, signal),
  );
  const idleGapMs = await measureIdleGap(bench);
  const { base, measurements } = await measureOperations(bench, folder);
  const method = base.copies.find((copy) => copy.type === 'clone')?.method ?? 'unknown';
  await dropAll(server);
  return { ...dataset, method, measurements, idleGapMs };
}

/** Measures both sizes on one server. */
export async function measureServer(
  server: BenchServer,
  folder: BenchFolder,
  { options, signal, say }: SuiteContext,
): Promise<ServerResult> {
  const { runs, caches } = options;
  const { version, hasClientTools } = server.installation;
  const name = `${folder.type}, PostgreSQL ${version}`;
  say(name);
  const bench: Bench = { server, runs, caches, signal, say };
  const sizes: SizeResult[] = [];
  let idleGapMs = 0;
  for (const wantedBytes of [options.sizeBytes / sizeFactor, options.sizeBytes]) {
    const { idleGapMs: gap, ...size } = await measureSize(bench, folder, wantedBytes);
    idleGapMs = Math.max(idleGapMs, gap);
    sizes.push(size);
  }
  return {
    name,
    fileSystem: folder.type,
    postgresVersion: version,
    settings: serverSettings,
    idleGapMs,
    sizes,
    notMeasured: hasClientTools ? [] : ['pg_dump and pg_restore: this server comes without them'],
  };
}

/** The commands' start-up on an empty database: what is measured is Belay, not the server. */
export async function prepareStartUp(
  installation: PostgresInstallation,
  folder: string,
): Promise<StartUpResult[]> {
  const server = await startBenchServer(installation, folder);
  try {
    await runSql(server, `CREATE DATABASE ${benchDatabase}`);
    return await measureStartUp(server, folder);
  } finally {
    await server.remove();
    await rm(folder, { recursive: true, force: true });
  }
}
