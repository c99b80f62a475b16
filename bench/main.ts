import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { PostgresInstallation } from '../src/process/installation.js';
import { makeServerFolder } from '../test/support/throwaway-server.js';
import { type Bar, barSizeBytes, serverBars, startUpBars } from './bars.js';
import {
  type BranchesResult,
  branchBars,
  measureBranches,
  renderBranches,
} from './branch/suite.js';
import { checkpointBarSizeBytes, checkpointBars } from './checkpoints/bars.js';
import type { CheckpointResult } from './checkpoints/results.js';
import { measureCheckpoints } from './checkpoints/suite.js';
import { renderCheckpoints } from './checkpoints/tables.js';
import { type BenchFolder, folderAtHand, mountXfs, NotMeasurable } from './file-system.js';
import {
  type ImpactResult,
  impactBarRows,
  impactBars,
  measureImpacts,
  renderImpacts,
} from './impact/suite.js';
import { describeLoad, describeMachine, type Machine } from './machine.js';
import { type BenchOptions, parseOptions, UsageError, usage } from './options.js';
import {
  measureRehearsals,
  type RehearsalsResult,
  rehearsalBars,
  renderRehearsals,
} from './rehearsal/suite.js';
import type { ServerResult, StartUpResult } from './results.js';
import { schemaBars } from './schema/bars.js';
import type { SchemaResult } from './schema/results.js';
import { measureSchemas } from './schema/suite.js';
import { renderSchemas } from './schema/tables.js';
import { measureServing, renderServing, type ServingResult, servingBars } from './server/suite.js';
import { type BenchServer, findServers, startBenchServer } from './server.js';
import { measureHook } from './start-up.js';
import { measureServer, prepareStartUp } from './suite.js';
import { renderBars, renderServer, renderStartUp } from './tables.js';

interface Results {
  readonly servers: ServerResult[];
  readonly startUp: StartUpResult[];
  readonly checkpoints: CheckpointResult[];
  readonly schemas: SchemaResult[];
  readonly impacts: ImpactResult[];
  readonly rehearsals: RehearsalsResult[];
  readonly branches: BranchesResult[];
  readonly serving: ServingResult[];
  readonly notMeasured: string[];
}

const say = (line: string) => console.error(line);
const print = (lines: readonly string[]) => console.log(lines.join('\n'));

/** Runs what can be run, and keeps what can't as a sentence. */
async function tryToMeasure(results: Results, what: string, work: () => Promise<void>) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof NotMeasurable)) throw error;
    results.notMeasured.push(`${what}: ${error.message}`);
    say(`${what}: not measured: ${error.message}`);
  }
}

async function onFolder(folder: BenchFolder, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } finally {
    await folder.remove();
  }
}

async function onServer(
  installation: PostgresInstallation,
  folder: BenchFolder,
  signal: AbortSignal,
  work: (server: BenchServer) => Promise<void>,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const server = await startBenchServer(installation, folder.path, settings);
  // Building a database takes minutes in one statement: stopping the server cuts it short.
  const cut = () => void server.stop().catch(() => {});
  signal.addEventListener('abort', cut);
  try {
    await work(server);
  } finally {
    signal.removeEventListener('abort', cut);
    await server.remove();
  }
}

async function measureAllCheckpoints(
  options: BenchOptions,
  signal: AbortSignal,
  results: Results,
): Promise<void> {
  await tryToMeasure(results, 'checkpoints', async () => {
    const { installed } = await findServers();
    if (!installed?.hasClientTools) throw new NotMeasurable('there is no server with pg_dump');
    const folder = await folderAtHand(options.sizeBytes);
    await onServer(installed, folder, signal, async (server) => {
      const measured = await measureCheckpoints(server, folder, { options, signal, say });
      results.checkpoints.push(measured.result);
      results.notMeasured.push(...measured.notMeasured);
      print(renderCheckpoints(measured.result));
    });
  });
}

/** Catalogs are small: room for a few of them is enough. */
const catalogBytes = 50e6;

async function measureAllSchemas(
  options: BenchOptions,
  signal: AbortSignal,
  results: Results,
): Promise<void> {
  await tryToMeasure(results, 'schemas', async () => {
    const { installed, shipped } = await findServers();
    if (!installed) results.notMeasured.push('pg_dump --schema-only: it is not on this machine');
    const folder = await folderAtHand(catalogBytes);
    for (const installation of [installed, shipped]) {
      if (!installation) continue;
      await onServer(installation, folder, signal, async (server) => {
        const result = await measureSchemas(server, { options, signal, say });
        results.schemas.push(result);
        print(renderSchemas(result));
      });
    }
  });
}

/** Tables, their copies and what PostgreSQL writes of both, for each row. */
const impactBytesPerRow = 1_000;

async function measureAllImpacts(
  options: BenchOptions,
  signal: AbortSignal,
  results: Results,
): Promise<void> {
  await tryToMeasure(results, 'impact', async () => {
    const { installed, shipped } = await findServers();
    const folder = await folderAtHand(options.rows * impactBytesPerRow);
    for (const installation of [installed, shipped]) {
      if (!installation) continue;
      await onServer(installation, folder, signal, async (server) => {
        const result = await measureImpacts(server, { options, signal, say });
        results.impacts.push(result);
        print(renderImpacts(result));
      });
    }
  });
}

/** Each server twice: as it usually is, and with changes that can be read from the WAL. */
async function measureAllRehearsals(
  options: BenchOptions,
  signal: AbortSignal,
  results: Results,
): Promise<void> {
  await tryToMeasure(results, 'rehearsal', async () => {
    const { installed, shipped } = await findServers();
    const needed = options.rows * impactBytesPerRow + options.sizeBytes * 4;
    const folder = await folderAtHand(needed);
    for (const installation of [installed, shipped]) {
      if (!installation) continue;
      for (const isLogical of [false, true]) {
        const settings: Record<string, string> = isLogical ? { wal_level: 'logical' } : {};
        const measure = async (server: BenchServer) => {
          const result = await measureRehearsals(server, isLogical, { options, signal, say });
          results.rehearsals.push(result);
          print(renderRehearsals(result));
        };
        await onServer(installation, folder, signal, measure, settings);
      }
    }
  });
}

/** On XFS with reflinks: what a branch costs is what the file system makes of a copy. */
async function measureAllBranches(
  options: BenchOptions,
  signal: AbortSignal,
  results: Results,
): Promise<void> {
  await tryToMeasure(results, 'branches', async () => {
    const { installed, shipped } = await findServers();
    const folder = await mountXfs(options.sizeBytes);
    await onFolder(folder, async () => {
      const project = path.join(folder.path, 'project');
      await mkdir(project);
      results.startUp.push(await measureHook(project));
      for (const installation of [installed, shipped]) {
        if (!installation) continue;
        await onServer(installation, folder, signal, async (server) => {
          const result = await measureBranches(server, folder, { options, signal, say });
          results.branches.push(result);
          print(renderBranches(result));
        });
      }
    });
  });
}

/** The timeline's archives share one file. */
const servingBytes = 200e6;

async function measureAllServing(
  options: BenchOptions,
  signal: AbortSignal,
  results: Results,
): Promise<void> {
  await tryToMeasure(results, 'server', async () => {
    const { installed } = await findServers();
    if (!installed?.hasClientTools) throw new NotMeasurable('there is no server with pg_dump');
    const folder = await folderAtHand(servingBytes);
    await onServer(installed, folder, signal, async (server) => {
      const result = await measureServing(server, folder, { options, signal, say });
      results.serving.push(result);
      results.notMeasured.push(...result.notMeasured);
      print(renderServing(result));
    });
  });
}

async function measureAllSnapshots(
  options: BenchOptions,
  signal: AbortSignal,
  results: Results,
): Promise<void> {
  const { installed, shipped } = await findServers();
  const missing = (what: string) => results.notMeasured.push(`${what}: it is not on this machine`);
  if (!installed) missing('an installed PostgreSQL, and with it pg_dump');
  if (!shipped) missing('PostgreSQL from npm');
  const measure = async (folder: BenchFolder, installation: typeof installed) => {
    if (!installation) return;
    await onServer(installation, folder, signal, async (server) => {
      const result = await measureServer(server, folder, { options, signal, say });
      results.servers.push(result);
      print(renderServer(result));
    });
  };
  if (options.only !== 'reflink') {
    await tryToMeasure(results, 'the file system at hand', async () => {
      const folder = await folderAtHand(options.sizeBytes);
      await measure(folder, installed);
      await measure(folder, shipped);
    });
  }
  if (options.only !== 'plain') {
    await tryToMeasure(results, 'XFS with reflink', async () => {
      const folder = await mountXfs(options.sizeBytes);
      await onFolder(folder, () => measure(folder, shipped));
    });
  }
  await tryToMeasure(results, 'start-up', async () => {
    const installation = shipped ?? installed;
    if (!installation) throw new NotMeasurable('there is no server');
    results.startUp.push(...(await prepareStartUp(installation, await makeServerFolder())));
  });
}

const measuring = {
  snapshots: measureAllSnapshots,
  checkpoints: measureAllCheckpoints,
  schema: measureAllSchemas,
  impact: measureAllImpacts,
  rehearsal: measureAllRehearsals,
  branches: measureAllBranches,
  server: measureAllServing,
};

async function writeResults(
  options: BenchOptions,
  args: readonly string[],
  machine: Machine,
  results: Results,
) {
  const bars: Bar[] = [
    ...results.servers.flatMap(serverBars),
    ...startUpBars(results.startUp),
    ...results.checkpoints.flatMap(checkpointBars),
    ...results.schemas.flatMap(schemaBars),
    ...results.impacts.flatMap(impactBars),
    ...results.rehearsals.flatMap(rehearsalBars),
    ...results.branches.flatMap(branchBars),
    ...results.serving.flatMap(servingBars),
  ];
  print(renderStartUp(results.startUp));
  const intended = {
    ...{ snapshots: barSizeBytes, checkpoints: checkpointBarSizeBytes },
    ...{ schema: options.sizeBytes, impact: options.sizeBytes, rehearsal: 1e9 },
    ...{ branches: options.sizeBytes, server: options.sizeBytes },
  }[options.part];
  print(renderBars(bars, options.sizeBytes, intended));
  if (options.part === 'impact' && options.rows !== impactBarRows) {
    print([`The bars are set for ${impactBarRows} rows; this run has ${options.rows}.`]);
  }
  print(results.notMeasured.map((what) => `not measured: ${what}`));
  const { outFile, ...chosen } = options;
  const report = {
    format: 1,
    measuredAt: new Date().toISOString(),
    command: ['npm run bench --', ...args].join(' '),
    machine,
    options: chosen,
    ...results,
    bars,
  };
  await mkdir(path.dirname(outFile), { recursive: true });
  await writeFile(outFile, `${JSON.stringify(report, null, 2)}\n`);
  say(`\nall runs: ${outFile}`);
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    print([usage]);
    return 0;
  }
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // Servers end and mounts go in the `finally`s on the way out; a second Ctrl-C leaves that to the watchdog.
      if (controller.signal.aborted) process.exit(130);
      say('interrupted: ending the servers');
      controller.abort(signal);
    });
  }
  const folder = process.env.BELAY_BENCH_CWD ?? process.cwd();
  try {
    const options = parseOptions(args, folder, new Date());
    const machine = describeMachine();
    const load = describeLoad(machine);
    const results: Results = {
      ...{ servers: [], startUp: [], checkpoints: [], schemas: [], impacts: [], rehearsals: [] },
      ...{ branches: [], serving: [] },
      notMeasured: [],
    };
    if (load) say(`warning: ${load}`);
    try {
      await measuring[options.part](options, controller.signal, results);
    } finally {
      // What was measured before a failure took its time, too.
      const { servers, checkpoints, schemas, impacts, rehearsals, branches, serving } = results;
      const measured = [servers, checkpoints, schemas, impacts, rehearsals, branches, serving];
      if (measured.some(({ length }) => length > 0))
        await writeResults(options, args, machine, results);
    }
    return 0;
  } catch (error) {
    if (controller.signal.aborted) return controller.signal.reason === 'SIGINT' ? 130 : 143;
    if (!(error instanceof UsageError)) throw error;
    say(`${error.message}\n\n${usage}`);
    return 2;
  }
}

// Whoever closes the pipe has read enough; the JSON is written all the same.
process.stdout.on('error', () => {});
process.exitCode = await main(process.argv.slice(2));
