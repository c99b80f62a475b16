import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BelayError } from '../../src/errors.js';
import { findProcessesIn, isRunning } from '../../src/process/postmaster.js';
import { ownIdentity } from '../../src/process/process-identity.js';
import {
  removeDeadThrowaways,
  type ThrowawayOptions,
  type ThrowawayServer,
  withThrowawayCluster,
} from '../../src/process/throwaway-cluster.js';
import { failure } from '../support/failure.js';
import { cleanEnvironment, testServers } from '../support/servers.js';
import { makeServerFolder } from '../support/throwaway-server.js';
import { tellWatchdog } from '../support/watchdog.js';

async function query(server: ThrowawayServer, sql: string) {
  const { host, port, user, password } = server;
  const client = new pg.Client({ host, port, user, password, database: 'postgres' });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** The processes of a server that is being ended go one by one. */
async function expectGone(server: ThrowawayServer): Promise<void> {
  expect(existsSync(dirname(server.dataDir))).toBe(false);
  expect(existsSync(server.socketDir)).toBe(false);
  expect(await findProcessesIn(server.dataDir)).toEqual([]);
}

describe.each(testServers())('a throwaway server of $name', ({ major, binDir }) => {
  let home: string;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    home = await makeServerFolder();
    env = cleanEnvironment();
    if (!binDir.includes('node_modules')) env.BELAY_PG_BIN = binDir;
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  const runs = () => readdirSync(join(home, 'drill', 'runs'));
  const template = () => {
    const [version = ''] = readdirSync(join(home, 'drill')).filter((name) => name !== 'runs');
    return join(home, 'drill', version);
  };
  const using = <T>(
    work: (server: ThrowawayServer) => Promise<T>,
    more: Partial<ThrowawayOptions> = {},
  ) => withThrowawayCluster({ home, major, env, ...more }, work);

  it('is of that version, for whoever has its password, and gone afterwards', async () => {
    const server = await using(
      async (running) => {
        const [row] = await query(
          running,
          `SELECT current_setting('server_version_num')::int / 10000 AS major, current_user AS who,
                current_setting('fsync') AS fsync, current_setting('listen_addresses') AS addresses,
                current_setting('max_locks_per_transaction') AS locks`,
        );
        expect(row).toEqual({ major, who: 'postgres', fsync: 'off', addresses: '', locks: '3333' });
        await expect(query({ ...running, password: 'wrong' }, 'SELECT 1')).rejects.toMatchObject({
          code: '28P01',
        });
        expect(statSync(running.socketDir).mode & 0o077).toBe(0);
        expect(running).toMatchObject({ major, version: expect.stringMatching(`^${major}\\.`) });
        return running;
      },
      { settings: { max_locks_per_transaction: '3333' } },
    );
    await expectGone(server);
    expect(runs()).toEqual([]);
  });

  it('is copied from what was prepared once', async () => {
    const prepared = statSync(join(template(), 'template', 'PG_VERSION')).ino;
    const notes: string[] = [];
    await using(async () => {}, {
      reporter: (event) => event.type === 'note' && notes.push(event.message),
    });
    expect(statSync(join(template(), 'template', 'PG_VERSION')).ino).toBe(prepared);
    expect(notes).toEqual([]);
  });

  it.each([
    [
      'another installation has made it',
      () => writeFileSync(join(template(), 'cluster.json'), '{}'),
    ],
    ['it was not finished', () => rmSync(join(template(), 'cluster.json'))],
  ])('is prepared anew where %s', async (_why, spoil) => {
    rmSync(join(template(), 'template', 'global'), { recursive: true });
    spoil();
    const [row] = await using((server) => query(server, 'SELECT 1 AS one'));
    expect(row).toEqual({ one: 1 });
  });

  it('starts empty each time', async () => {
    await using((server) => query(server, 'CREATE TABLE here (a int)'));
    const rows = await using((server) =>
      query(server, `SELECT 1 FROM pg_class WHERE relname = 'here'`),
    );
    expect(rows).toEqual([]);
  });

  it('is gone too after a failure, and the failure is what is told', async () => {
    let server: ThrowawayServer | undefined;
    const drill = using(async (running) => {
      server = running;
      throw new BelayError('RESTORE_FAILED', 'for the test');
    });
    await failure(drill, 'RESTORE_FAILED');
    await expectGone(server as unknown as ThrowawayServer);
  });

  it('is gone too where it was killed in the middle of its work', async () => {
    let server: ThrowawayServer | undefined;
    const drill = using(async (running) => {
      server = running;
      setTimeout(() => running.kill(), 200);
      return query(running, 'SELECT pg_sleep(20)');
    });
    await expect(drill).rejects.toThrow(/terminat|connection/i);
    await expectGone(server as unknown as ThrowawayServer);
    expect(runs()).toEqual([]);
  });

  // Waiting for one that hangs takes 11 s: once is enough.
  const isFirst = major === testServers()[0]?.major;
  if (isFirst)
    it('is gone too where it hangs', async () => {
      const server = await using(async (running) => {
        const file = readFileSync(join(running.dataDir, 'postmaster.pid'), 'utf8');
        process.kill(Number.parseInt(file, 10), 'SIGSTOP');
        return running;
      });
      await expectGone(server);
    });

  it.each([0, 30, 150])('leaves nothing where it is interrupted after %i ms', async (afterMs) => {
    const abort = new AbortController();
    setTimeout(() => abort.abort('SIGTERM'), afterMs);
    // A new preparation, so that there is something to interrupt.
    rmSync(join(template(), 'cluster.json'), { force: true });
    const drill = using(
      () =>
        new Promise((_resolve, reject) =>
          abort.signal.addEventListener('abort', () =>
            reject(new BelayError('TERMINATED', 'told to')),
          ),
        ),
      { signal: abort.signal },
    );
    await failure(drill, 'TERMINATED');
    expect(runs()).toEqual([]);
    expect(await using((server) => query(server, 'SELECT 1 AS one'))).toEqual([{ one: 1 }]);
  });

  it('is one of several at the same time, also the first time', async () => {
    const otherHome = await makeServerFolder();
    const dirs = await Promise.all(
      [1, 2, 3].map((n) =>
        using(
          async (server) => {
            await query(server, `CREATE TABLE mine AS SELECT ${n} AS n`);
            await removeDeadThrowaways(otherHome);
            expect(await query(server, 'SELECT n FROM mine')).toEqual([{ n }]);
            return server.dataDir;
          },
          { home: otherHome },
        ),
      ),
    );
    expect(new Set(dirs).size).toBe(3);
    expect(readdirSync(join(otherHome, 'drill', 'runs'))).toEqual([]);
  });

  it('whose owner was killed is removed by the next run; those of the living stay', async () => {
    const program = fileURLToPath(new URL('../support/start-throwaway.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', program, home, String(major)], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [printed] = await once(child.stdout, 'data');
    const orphan: ThrowawayServer = JSON.parse(String(printed));
    tellWatchdog(dirname(orphan.dataDir));
    const pid = Number.parseInt(readFileSync(join(orphan.dataDir, 'postmaster.pid'), 'utf8'), 10);
    await using(async (living) => {
      expect(await removeDeadThrowaways(home)).toEqual({ removed: [], failed: [] });
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(await query(orphan, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);

      expect(await using((server) => query(server, 'SELECT 2 AS two'))).toEqual([{ two: 2 }]);
      expect(await isRunning(pid)).toBe(false);
      await expectGone(orphan);
      expect(await query(living, 'SELECT 3 AS three')).toEqual([{ three: 3 }]);
    });
    expect(runs()).toEqual([]);
  });

  it('is known by more than the number of its process', async () => {
    const own = await ownIdentity();
    const claim = (name: string, owner: object, ageHours = 0) => {
      const file = join(home, 'drill', 'runs', `${name}.owner.json`);
      const socketDir = join(home, 'drill', 'runs', name, 'socket');
      mkdirSync(socketDir, { recursive: true });
      writeFileSync(file, JSON.stringify({ ...own, socketDir, ...owner }));
      const at = Date.now() / 1000 - ageHours * 3600;
      utimesSync(file, at, at);
    };
    claim('own', {}, 1000);
    claim('number-taken-over', { startedAt: 'at another time' });
    claim('on-another-host', { host: 'elsewhere.invalid' }, 10);
    claim('on-another-host-long-ago', { host: 'elsewhere.invalid' }, 100);
    writeFileSync(join(home, 'drill', 'runs', 'being-written.owner.json'), '');
    const { removed } = await removeDeadThrowaways(home);
    expect(removed.map((folder) => folder.slice(folder.lastIndexOf('/') + 1)).sort()).toEqual([
      'number-taken-over',
      'on-another-host-long-ago',
    ]);
    expect(runs().sort()).toEqual([
      'being-written.owner.json',
      'on-another-host',
      'on-another-host.owner.json',
      'own',
      'own.owner.json',
    ]);
  });
});

describe('where no server of that version is there', () => {
  it('says that one can be named', async () => {
    const home = await makeServerFolder();
    const drill = withThrowawayCluster(
      { home, major: 12, env: cleanEnvironment() },
      async () => 'started',
    );
    const error = await failure(drill, 'POSTGRES_NOT_FOUND');
    expect(error.hint).toContain('--drill-server');
  });
});
