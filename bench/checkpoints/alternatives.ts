import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { serverEnvironment } from '../../src/process/server-environment.js';
import { type ThrowawayServer, withThrowawayCluster } from '../../src/process/throwaway-cluster.js';
import type { Bench } from '../measure.js';
import { benchDatabase } from '../server.js';
import type { Place } from './places.js';
import type { CheckpointRun } from './results.js';
import { runWatched } from './watched-program.js';

type Tool = 'pg_dump' | 'pg_restore' | 'createdb';
type Known = Omit<CheckpointRun, 'totalMs' | 'busyShare'>;

function runTool(
  { server, signal }: Bench,
  tool: Tool,
  args: readonly string[],
  { host = '127.0.0.1', port = server.port, password = server.password } = {},
) {
  const env = {
    ...serverEnvironment(process.env),
    ...{ PGHOST: host, PGPORT: String(port), PGUSER: 'postgres', PGPASSWORD: password },
  };
  const options = { cwd: server.dataDir, env, ownName: tool, signal };
  return runWatched(join(server.binDir, tool), args, options);
}

const fileOf = ({ server }: Bench, level: number) => `${server.dataDir}-z${level}.dump`;

/** gzip's default, which pg_dump takes where nothing is said. */
export const usualLevel = 6;

/** `pg_dump -Fc` to a file, which stays until `removeDumps`. */
export async function dump(bench: Bench, level: number): Promise<Known> {
  const file = fileOf(bench, level);
  await rm(file, { force: true });
  const { peakBytes } = await runTool(bench, 'pg_dump', [
    ...['-Fc', `-Z${level}`, '-f', file, benchDatabase],
  ]);
  return { peakBytes, sizeBytes: (await stat(file)).size };
}

export async function removeDumps(bench: Bench, levels: readonly number[]): Promise<void> {
  for (const level of levels) await rm(fileOf(bench, level), { force: true });
}

/**
 * What Belay does in one, one after the other: dump to a file, put it into the store, restore it into a throwaway server.
 * Nothing is compared, and the start and the end of the server are not counted.
 */
export async function dumpUploadRestore(
  bench: Bench,
  order: { readonly level: number; readonly place: Place; readonly home: string },
): Promise<Known & { readonly totalMs: number }> {
  const { level, place, home } = order;
  const { major } = bench.server.installation;
  const location = await place.newLocation();
  const stepsMs: Record<string, number> = {};
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    return work().finally(() => {
      stepsMs[name] = performance.now() - startedAt;
    });
  };
  const { sizeBytes } = await step('dump', () => dump(bench, level));
  await step('upload', () => place.upload(fileOf(bench, level), location));
  const env = { ...process.env, BELAY_PG_BIN: bench.server.binDir };
  await withThrowawayCluster({ home, major, env, signal: bench.signal }, async (server) => {
    await createDatabase(bench, server);
    const args = ['-j2', '-d', benchDatabase, fileOf(bench, level)];
    await step('restore', () => runTool(bench, 'pg_restore', args, server));
  });
  await place.empty(location);
  const totalMs = Object.values(stepsMs).reduce((sum, ms) => sum + ms, 0);
  return { totalMs, stepsMs, ...(sizeBytes === undefined ? {} : { sizeBytes }) };
}

async function createDatabase(bench: Bench, server: ThrowawayServer): Promise<void> {
  await runTool(bench, 'createdb', ['-T', 'template0', benchDatabase], server);
}

/** One table of many, from a file that pg_dump has written itself, into an empty database of the same server. */
export async function restoreTable(bench: Bench, table: string, database: string): Promise<Known> {
  const args = ['-t', table, '-d', database, fileOf(bench, 1)];
  const { peakBytes } = await runTool(bench, 'pg_restore', args);
  return { peakBytes };
}
