import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { runProgram } from '../src/process/run.js';
import { serverEnvironment } from '../src/process/server-environment.js';
import { syncFiles } from './caches.js';
import { type Bench, measure } from './measure.js';
import type { Measurement } from './results.js';
import { benchDatabase, filesOf, runSql } from './server.js';

const quote = pg.escapeIdentifier;
const copyName = 'bench_copy';
const endingRounds = 10;

/**
 * CREATE DATABASE … TEMPLATE with nothing chosen, as `createdb -T` sends it. It fails while somebody is connected, so
 * whoever uses it ends the sessions first; here that happens while it waits for them, which costs it least.
 */
async function createFromTemplate(bench: Bench, name: string, template: string): Promise<void> {
  let isDone = false;
  const created = runSql(
    bench.server,
    `CREATE DATABASE ${quote(name)} TEMPLATE ${quote(template)}`,
  ).finally(() => {
    isDone = true;
  });
  // From then on nobody can come back: new connections wait until the copy is done.
  for (let round = 0; round < endingRounds && !isDone; round += 1) {
    await runSql(
      bench.server,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${pg.escapeLiteral(template)}`,
    );
    await Promise.race([created, sleep(50)]);
  }
  await created;
}

function drop(bench: Bench, name: string): Promise<void> {
  return runSql(bench.server, `DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`);
}

/** `createdb -T` as a snapshot, and `dropdb` with `createdb -T` as a restore. */
export async function measureTemplate(bench: Bench, snapshot: string): Promise<Measurement[]> {
  const taken = await measure(bench, {
    ...{ operation: 'snapshot', contender: 'createdb -T', what: 'createdb -T bench copy' },
    ...{ source: benchDatabase, watched: true },
    run: async () => void (await createFromTemplate(bench, copyName, benchDatabase)),
    after: () => drop(bench, copyName),
  });
  const restored = await measure(bench, {
    ...{ operation: 'restore', contender: 'createdb -T' },
    ...{ what: 'dropdb --force bench; createdb -T copy bench', source: snapshot, watched: true },
    run: async () => {
      await drop(bench, benchDatabase);
      await createFromTemplate(bench, benchDatabase, snapshot);
      return undefined;
    },
    after: async () => {},
  });
  return [taken, restored];
}

/** The database's own files copied with `cp` and put on the disk: what the bytes alone cost. */
export async function measureFileCopy(bench: Bench): Promise<Measurement> {
  const source = await filesOf(bench.server, benchDatabase);
  // Beside the server's folder, so on the same file system and not part of the cluster.
  const folder = await mkdtemp(`${bench.server.dataDir}-cp-`);
  const target = join(folder, 'copy');
  try {
    return await measure(bench, {
      ...{ operation: 'snapshot', contender: 'cp', what: 'cp -r base/<oid>, then sync' },
      ...{ source: benchDatabase, watched: false },
      run: async () => {
        await runProgram('cp', ['-r', source, target], { mustSucceed: true });
        const names = await readdir(target);
        await syncFiles([target, ...names.map((name) => join(target, name))]);
        return undefined;
      },
      after: () => rm(target, { recursive: true }),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `pg_dump -Fc` as a snapshot; `dropdb`, `createdb` and `pg_restore -j2` as a restore. */
export async function measureDump(bench: Bench): Promise<Measurement[]> {
  const { server, signal } = bench;
  const folder = `${server.dataDir}-dump`;
  await mkdir(folder);
  const file = join(folder, 'bench.dump');
  const env = {
    ...serverEnvironment(process.env),
    ...{ PGHOST: '127.0.0.1', PGPORT: String(server.port) },
    ...{ PGUSER: 'postgres', PGPASSWORD: server.password },
  };
  const run = (program: string, args: readonly string[]) =>
    runProgram(join(server.binDir, program), args, { env, signal, mustSucceed: true });
  try {
    const dumped = await measure(bench, {
      ...{ operation: 'snapshot', contender: 'pg_dump', what: 'pg_dump -Fc' },
      ...{ source: benchDatabase, watched: true },
      run: async () => void (await run('pg_dump', ['-Fc', '-f', file, benchDatabase])),
      after: async () => {},
    });
    const restored = await measure(bench, {
      ...{ operation: 'restore', contender: 'pg_dump', watched: true, source: benchDatabase },
      what: 'dropdb --force bench; createdb bench; pg_restore -j2',
      run: async () => {
        await drop(bench, benchDatabase);
        await runSql(server, `CREATE DATABASE ${quote(benchDatabase)}`);
        return void (await run('pg_restore', ['-j2', '-d', benchDatabase, file]));
      },
      after: async () => {},
    });
    return [dumped, restored];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
