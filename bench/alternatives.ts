import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { runProgram } from '../src/process/run.js';
import { serverEnvironment } from '../src/process/server-environment.js';
import { syncFiles } from './caches.js';
import type { Bench, Trial } from './measure.js';
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

export function templateSnapshotTrial(bench: Bench): Trial {
  return {
    ...{ operation: 'snapshot', contender: 'createdb -T', what: 'createdb -T bench copy' },
    ...{ source: benchDatabase, watched: true },
    run: async () => void (await createFromTemplate(bench, copyName, benchDatabase)),
    after: () => drop(bench, copyName),
  };
}

/** @param snapshot a database without sessions to make the new one from */
export function templateRestoreTrial(bench: Bench, snapshot: string): Trial {
  return {
    ...{ operation: 'restore', contender: 'createdb -T', source: snapshot, watched: true },
    what: 'dropdb --force bench; createdb -T copy bench',
    run: async () => {
      await drop(bench, benchDatabase);
      await createFromTemplate(bench, benchDatabase, snapshot);
      return undefined;
    },
  };
}

/** The database's own files copied with `cp` and put on the disk: what the bytes alone cost. */
export async function fileCopyTrial({ server }: Bench): Promise<Trial> {
  const source = await filesOf(server, benchDatabase);
  // In the server's own folder, so on the same file system and removed with it, but not part of the cluster.
  const target = `${server.dataDir}-cp`;
  return {
    ...{ operation: 'snapshot', contender: 'cp', what: 'cp -r base/<oid>, then sync' },
    ...{ source: benchDatabase, watched: false },
    run: async () => {
      await runProgram('cp', ['-r', source, target], { mustSucceed: true });
      const names = await readdir(target);
      await syncFiles([target, ...names.map((name) => join(target, name))]);
      return undefined;
    },
    after: () => rm(target, { recursive: true }),
  };
}

function runTool({ server, signal }: Bench, program: string, args: readonly string[]) {
  const env = {
    ...serverEnvironment(process.env),
    ...{ PGHOST: '127.0.0.1', PGPORT: String(server.port) },
    ...{ PGUSER: 'postgres', PGPASSWORD: server.password },
  };
  return runProgram(join(server.binDir, program), args, { env, signal, mustSucceed: true });
}

const dumpFile = ({ server }: Bench) => `${server.dataDir}.dump`;

/** `pg_dump -Fc`; each run replaces the file of the one before. */
export function dumpTrial(bench: Bench): Trial {
  return {
    ...{ operation: 'snapshot', contender: 'pg_dump', what: 'pg_dump -Fc' },
    ...{ source: benchDatabase, watched: true },
    run: async () =>
      void (await runTool(bench, 'pg_dump', ['-Fc', '-f', dumpFile(bench), benchDatabase])),
  };
}

/** From the file that `dumpTrial` has left. */
export function dumpRestoreTrial(bench: Bench): Trial {
  return {
    ...{ operation: 'restore', contender: 'pg_dump', watched: true, source: benchDatabase },
    what: 'dropdb --force bench; createdb bench; pg_restore -j2',
    run: async () => {
      await drop(bench, benchDatabase);
      await runSql(bench.server, `CREATE DATABASE ${quote(benchDatabase)}`);
      const args = ['-j2', '-d', benchDatabase, dumpFile(bench)];
      return void (await runTool(bench, 'pg_restore', args));
    },
  };
}
