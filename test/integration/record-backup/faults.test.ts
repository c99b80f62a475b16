import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { recordKeeper } from '../../../src/features/record-backup/keep.js';
import { runScript, type ScriptHooks } from '../../../src/postgres/run-script.js';
import { failure } from '../../support/failure.js';
import { openSession } from '../../support/open-session.js';
import { cleanEnvironment, testServers } from '../../support/servers.js';
import { mountSmallDisk } from '../../support/small-disk.js';
import { type Scene, useScene } from './scene.js';

const source = new URL('../../../', import.meta.url);
const at = (path: string) => JSON.stringify(new URL(path, source).href);
const program = `
  const { openSession } = await import(${at('test/support/open-session.ts')});
  const { recordKeeper } = await import(${at('src/features/record-backup/keep.ts')});
  const { runScript } = await import(${at('src/postgres/run-script.ts')});
  const session = await openSession(process.env.TEST_URL);
  const losses = JSON.parse(process.env.TEST_LOSSES);
  const { hooks } = await recordKeeper({ session, version: 'killed', losses });
  const script = { file: 'up.sql', line: 1, sql: process.env.TEST_SQL, inTransaction: true };
  await runScript(session, script, { hooks });
  await session.query('SELECT pg_sleep(600)');
`;

/** Migrates in a process of its own, and sleeps when it has committed. */
function start(env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', program],
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...cleanEnvironment(), ...env } },
  );
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function create(scene: Scene): Promise<void> {
  await scene.run(`DROP SCHEMA IF EXISTS belay CASCADE; DROP TABLE IF EXISTS users, sessions;
    CREATE TABLE users (id int PRIMARY KEY, email text); INSERT INTO users SELECT n, n || '@x' FROM generate_series(1, 1000) n;
    CREATE TABLE sessions (id int PRIMARY KEY); INSERT INTO sessions SELECT generate_series(1, 100)`);
}

const destructive = 'ALTER TABLE users DROP email; DELETE FROM sessions';
const losses = [['column users.email'], ['DELETE sessions']];

/** What is there: the data, the backup, or (what must never be) neither or only half. */
async function stateOf(scene: Scene): Promise<string> {
  const [found] = await scene.rows(`
    SELECT (SELECT count(*)::int FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'email') AS emails,
           (SELECT count(*)::int FROM sessions) AS sessions`);
  const backups = await scene.backups();
  const rows = await Promise.all(backups.map(async (each) => (await scene.data(each)).length));
  const triggers = await scene.rows(`SELECT FROM pg_trigger WHERE tgname ~ 'belay'`);
  return JSON.stringify([found?.emails, found?.sessions, rows, triggers.length]);
}

const untouched = JSON.stringify([1, 100, [], 0]);
const migrated = JSON.stringify([0, 0, [1000, 100], 0]);

describe.each(testServers())('record backups and faults on $name', (server) => {
  const scene = useScene(server, 'kept_faults');

  /** Ends the connection right before or after one of the keeper's steps. */
  const cutAt = async (point: string): Promise<void> => {
    const session = await openSession(scene.url);
    const keeper = await recordKeeper({
      ...{ session, version: 'cut' },
      losses: await Promise.all(losses.map((each) => scene.losses(each))),
    });
    const cut = async (here: string) => {
      if (here === point) await scene.run(`SELECT pg_terminate_backend(${session.pid})`);
    };
    const around = <Arguments extends unknown[]>(
      name: string,
      hook: ((...list: Arguments) => Promise<void>) | undefined,
    ) => {
      let calls = 0;
      return async (...list: Arguments) => {
        calls += 1;
        await cut(`before ${name} ${calls}`);
        await hook?.(...list);
        await cut(`after ${name} ${calls}`);
      };
    };
    const { hooks } = keeper;
    const cutting: ScriptHooks = {
      ...hooks,
      before: around('before', hooks.before?.bind(hooks)),
      after: around('after', hooks.after?.bind(hooks)),
      beforeCommit: around('commit', hooks.beforeCommit?.bind(hooks)),
    };
    const script = { file: 'up.sql', line: 1, sql: destructive, inTransaction: true };
    try {
      await runScript(session, script, { hooks: cutting, beforeCommit: () => cut('at the end') });
    } finally {
      await session.close();
    }
  };

  it.each([
    'before before 1',
    'after before 1',
    'before after 1',
    'after after 1',
    'after before 2',
    'before after 2',
    'after after 2',
    'before commit 1',
    'after commit 1',
    'at the end',
  ])('leaves everything as it was where the server ends the connection %s', async (point) => {
    await create(scene);
    await failure(cutAt(point), 'SERVER_GONE');
    expect(await stateOf(scene)).toBe(untouched);
  });

  it('leaves backup and migration where it ends after the commit', async () => {
    await create(scene);
    await cutAt('never');
    expect(await stateOf(scene)).toBe(migrated);
  });
});

// One server is enough: starting a process takes seconds.
describe.each(testServers().slice(-1))('record backups and kill -9 on $name', (server) => {
  const scene = useScene(server, 'kept_killed');

  it.each([
    ['within the transaction', `${destructive}; SELECT pg_sleep(600)`, untouched],
    ['after it', destructive, migrated],
  ])('leaves both or neither %s', async (_, sql, expected) => {
    await create(scene);
    const lost = await Promise.all(losses.map((each) => scene.losses(each)));
    const env = { TEST_URL: scene.url, TEST_LOSSES: JSON.stringify(lost), TEST_SQL: sql };
    const child = start(env);
    const exited = once(child, 'exit');
    const sleepers = async () =>
      scene.rows(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
      );
    while ((await sleepers()).length === 0) expect(child.exitCode).toBeNull();
    const [sleeper] = await sleepers();
    child.kill('SIGKILL');
    await exited;
    // The server notices by itself within a second where it looks; what is not committed is nowhere then.
    await scene.run(`SELECT pg_terminate_backend(${sleeper?.pid}, 10000)`);
    expect(await stateOf(scene)).toBe(expected);
  });
});

const disk = await mountSmallDisk(16);
afterAll(() => disk?.unmount());

describe.skipIf(!disk).each(testServers())('record backups on a full disk on $name', (server) => {
  const scene = useScene(server, 'kept_full');

  it('says what to do, and leaves everything as it was', async () => {
    const folder = join(disk?.folder ?? '', `space_${server.major}`);
    await mkdir(folder);
    const { uid, gid } = await stat(server.dataDir);
    await chown(folder, uid, gid);
    const space = `kept_full_${process.pid}_${server.major}`;
    await scene.run(`CREATE TABLE big (id int PRIMARY KEY, v text, w text);
      INSERT INTO big SELECT n, (SELECT string_agg(md5((n * m)::text), '') FROM generate_series(1, 60) m), 'w' FROM generate_series(1, 12000) n`);
    await scene.run(`CREATE TABLESPACE ${space} LOCATION '${folder}'`);
    try {
      await scene.run(
        `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_tablespace = ${space}', current_database()); END $$`,
      );
      // What the database sets counts for new connections.
      const session = await openSession(scene.url);
      onTestFinished(() => session.close());
      const dropped = await failure(
        scene.migrate('ALTER TABLE big DROP v', [['column big.v']], { session }),
        'DISK_FULL',
      );
      expect(dropped.message).toContain('public.big');
      expect(dropped.hint).toContain('belay prune');
      const deleted = await failure(
        scene.migrate('DELETE FROM big', [['DELETE big']], { session }),
        'MIGRATION_FAILED',
      );
      expect(deleted.details).toMatchObject({ sqlState: '53100' });
      expect(deleted.hint).toContain('belay prune');
      expect(await scene.rows('SELECT count(v)::int AS n FROM big')).toEqual([{ n: 12_000 }]);
      expect(await scene.backups()).toEqual([]);
      expect(await scene.rows(`SELECT FROM pg_trigger WHERE tgname ~ 'belay'`)).toEqual([]);
    } finally {
      await scene.run(
        `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_tablespace', current_database()); END $$`,
      );
      await scene.run(`DROP TABLESPACE ${space}`);
    }
  });
});
