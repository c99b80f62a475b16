import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeServerFolder } from '../../test/support/throwaway-server.js';
import type { Bar } from '../bars.js';
import { type BenchFolder, NotMeasurable } from '../file-system.js';
import { median } from '../results.js';
import { type BenchServer, benchDatabase, runSql, urlOf, withClient } from '../server.js';
import type { SuiteContext } from '../suite.js';
import { align, size, time } from '../tables.js';
import { startProgram } from './child-program.js';
import { makeLongTimeline } from './long-timeline.js';
import { type MemoryResult, measureMemory } from './memory.js';
import { measureFirstTimeline, measurePageSize, type PageSize } from './page.js';
import { type Served, startServed, surroundings } from './served.js';
import { type LoadResult, measureThroughput } from './throughput.js';

/** All that was measured of a server. Times in milliseconds. */
export interface ServingResult {
  /** e.g. "ext4, PostgreSQL 15.18". */
  readonly name: string;
  readonly snapshots: number;
  readonly list: readonly LoadResult[];
  readonly hello: readonly LoadResult[];
  readonly memory: MemoryResult;
  readonly checkpointByHttpMs: readonly number[];
  readonly checkpointByCommandMs: readonly number[];
  /** Null: not measured. */
  readonly page: PageSize | null;
  readonly firstTimelineMs: readonly number[] | null;
  readonly notMeasured: readonly string[];
}

const snapshotCount = 1_000;
const loadMs = 5_000;
const connections = 16;
const settleMs = 15_000;
const built = fileURLToPath(new URL('../../dist/server/index.js', import.meta.url));
const helloProgram = fileURLToPath(new URL('hello.mjs', import.meta.url));

const limits = { ratio: 0.5, gzipBytes: 250e3, idleBytes: 200e6, firstTimelineMs: 1_000 };

/** @throws NotMeasurable where the package was not built */
export async function measureServing(
  server: BenchServer,
  bench: BenchFolder,
  context: SuiteContext,
): Promise<ServingResult> {
  if (!existsSync(built)) throw new NotMeasurable('the server is not built: npm run build');
  // The throwaway servers of drills and the catalog run as another user, who has to get in.
  const folder = await makeServerFolder(bench.path);
  try {
    await prepare(server, folder, context);
    const served = await startServed(server, folder);
    try {
      const measured = await measure(served, folder, context);
      return { name: `${bench.type}, PostgreSQL ${server.installation.version}`, ...measured };
    } finally {
      await served.end();
    }
  } finally {
    // A catalog that is just ending still writes.
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  }
}

async function prepare(server: BenchServer, folder: string, { say }: SuiteContext): Promise<void> {
  say(`making a timeline of ${snapshotCount} snapshots`);
  await runSql(server, `CREATE DATABASE ${benchDatabase}`);
  await withClient(urlOf(server), (client) =>
    client.query(
      'CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS what FROM generate_series(1, 20000) n',
    ),
  );
  await makeLongTimeline(urlOf(server), folder, surroundings(server, folder), snapshotCount);
}

async function measure(
  served: Served,
  folder: string,
  context: SuiteContext,
): Promise<Omit<ServingResult, 'name'>> {
  const { runs } = context.options;
  const notMeasured: string[] = [];
  const orNull = async <T>(what: string, work: () => Promise<T>): Promise<T | null> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof NotMeasurable)) throw error;
      notMeasured.push(`${what}: ${error.message}`);
      return null;
    }
  };
  const memory = await measureIdle(served, folder, context);
  const loads = await measureLoads(served, runs, context);
  const checkpoints = await measureCheckpoints(served, runs, context);
  const page = await orNull('size of the page', measurePageSize);
  const firstTimelineMs = page
    ? await orNull('first timeline', () =>
        measureFirstTimeline({ ...served, database: benchDatabase, tag: 'http-0', runs }),
      )
    : null;
  return {
    snapshots: snapshotCount,
    memory,
    ...loads,
    ...checkpoints,
    page,
    firstTimelineMs,
    notMeasured,
  };
}

/** After it has looked at its database once, and nobody has asked for anything for a while. */
async function measureIdle(served: Served, folder: string, { say }: SuiteContext) {
  say('memory of an idle server');
  const list = await ask(served, 'GET', `/api/snapshots?database=${benchDatabase}`);
  if (!list.ok) throw new Error(`the list failed with ${list.status}: ${await list.text()}`);
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  return measureMemory(served.pid, path.join(folder, 'serve', 'catalog', 'data'));
}

function ask(
  { url, token }: Served,
  method: string,
  route: string,
  body?: object,
): Promise<Response> {
  return fetch(`${url}${route}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** In turn, so that whatever else the machine does falls on both. */
async function measureLoads(served: Served, runs: number, { say, signal }: SuiteContext) {
  const hello: LoadResult[] = [];
  const list: LoadResult[] = [];
  const bare = await startProgram([helloProgram], {
    env: process.env,
    cwd: path.dirname(helloProgram),
  });
  try {
    const common = { connections, durationMs: loadMs };
    for (let run = 0; run < runs; run += 1) {
      signal.throwIfAborted();
      hello.push(await measureThroughput({ ...common, port: Number(bare.ready), path: '/hello' }));
      const order = { ...common, port: served.port, token: served.token };
      list.push(
        await measureThroughput({ ...order, path: `/api/snapshots?database=${benchDatabase}` }),
      );
      say(`  hello ${perSecond(hello.slice(-1))}, list ${perSecond(list.slice(-1))}`);
    }
  } finally {
    await bare.end();
  }
  return { hello, list };
}

async function measureCheckpoints(served: Served, runs: number, { say, signal }: SuiteContext) {
  const checkpointByHttpMs: number[] = [];
  const checkpointByCommandMs: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    signal.throwIfAborted();
    const startedAt = performance.now();
    const body = { database: benchDatabase, tag: `http-${run}` };
    const answer = await ask(served, 'POST', '/api/checkpoint', body);
    if (answer.status !== 200) throw new Error(`a checkpoint failed: ${await answer.text()}`);
    await answer.arrayBuffer();
    checkpointByHttpMs.push(performance.now() - startedAt);
    const { durationMs } = await served.belay('checkpoint', '--tag', `command-${run}`);
    checkpointByCommandMs.push(durationMs);
    say(
      `  checkpoint: by HTTP ${time(checkpointByHttpMs.at(-1) ?? 0)}, by command ${time(durationMs)}`,
    );
  }
  return { checkpointByHttpMs, checkpointByCommandMs };
}

const rate = (results: readonly LoadResult[]) =>
  median(results.map((one) => one.requestsPerSecond));
const perSecond = (results: readonly LoadResult[]) => `${Math.round(rate(results))}/s`;

/** What Belay promises about its server. */
export function servingBars(result: ServingResult): Bar[] {
  const { name, list, hello, memory, page, firstTimelineMs } = result;
  const bar = (text: string, measured: string, met: boolean): Bar => ({
    ...{ bar: text, where: name, measured, met },
  });
  const ratio = rate(list) / rate(hello);
  const failed = [...list, ...hello].reduce((sum, one) => sum + one.failed, 0);
  const isSmall = memory.nodeBytes > 0 && memory.nodeBytes < limits.idleBytes;
  return [
    bar(
      `list of ${result.snapshots} snapshots at least ${limits.ratio} times as often as a bare route`,
      `${ratio.toFixed(2)} times, ${failed} failed`,
      ratio >= limits.ratio && failed === 0,
    ),
    bar(`idle server below ${size(limits.idleBytes)}`, size(memory.nodeBytes), isSmall),
    ...(page
      ? [
          bar(
            `page below ${Math.round(limits.gzipBytes / 1e3)} KB gzip`,
            kilobytes(page.gzipBytes),
            page.gzipBytes < limits.gzipBytes,
          ),
        ]
      : []),
    ...(firstTimelineMs
      ? [
          bar(
            `first timeline within ${time(limits.firstTimelineMs)} of a cold load`,
            time(median(firstTimelineMs)),
            median(firstTimelineMs) < limits.firstTimelineMs,
          ),
        ]
      : []),
  ];
}

const kilobytes = (bytes: number) => `${Math.round(bytes / 1e3)} KB`;

/** Everything about a server, as lines. */
export function renderServing(result: ServingResult): string[] {
  const { memory, page, firstTimelineMs, checkpointByHttpMs, checkpointByCommandMs } = result;
  const catalog = `${size(memory.catalogBytes)} (${memory.catalogProcesses} processes, what they share counted once)`;
  const rows = [
    ['GET /api/snapshots', `${perSecond(result.list)}, of ${result.snapshots} snapshots`],
    ['a bare route', perSecond(result.hello)],
    ['memory when idle', `${size(memory.nodeBytes)}, and of the embedded catalog ${catalog}`],
    ['checkpoint by HTTP', time(median(checkpointByHttpMs))],
    ['belay checkpoint', time(median(checkpointByCommandMs))],
    ...(page ? [['page', `${kilobytes(page.gzipBytes)} gzip, ${page.files} files`]] : []),
    ...(firstTimelineMs ? [['first timeline', time(median(firstTimelineMs))]] : []),
  ];
  return ['', `== server: ${result.name} ==`, ...align(rows).map((line) => `  ${line}`)];
}
