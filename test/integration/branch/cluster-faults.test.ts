import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, rename, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterBranches } from '../../../src/features/branch/cluster-driver.js';
import type { FoundBranch } from '../../../src/features/branch/driver.js';
import { startBranchServer, stopBranchServer, stopIdleServers } from '../../../src/index.js';
import { isRunning, readPostmasterState } from '../../../src/process/postmaster.js';
import {
  type BranchHome,
  branchNamed,
  createBranch,
  listBranches,
  makeBranchHome,
  onRoot,
  removeAll,
  urlOf,
  withWork,
} from '../../support/cluster-branches.js';
import { type MountedFolder, mountFolder } from '../../support/mounted-folder.js';
import {
  createTestDatabase,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
  testServers,
} from '../../support/servers.js';
import { mountSmallDisk } from '../../support/small-disk.js';
import { addItem, failure, itemsOf, run, shopSql } from '../../support/targets.js';

const three = ['rope', 'harness', 'belay device'];
const major = testServers()[0]?.major as number;
const mounted: MountedFolder | string = await mountFolder({ type: 'xfs', sizeBytes: 700e6 });
const parentDir = typeof mounted === 'string' ? tmpdir() : mounted.path;
const hasReflinks = typeof mounted !== 'string';
const skipped = hasReflinks ? '' : ` (SKIPPED: ${mounted})`;

let server: ThrowawayServer;
let home: BranchHome;
let shop: TestDatabase;
let branch: FoundBranch;
beforeAll(async () => {
  server = await startThrowawayServer({
    ...{ major, parentDir },
    // A branch does as its source: what is committed is to be there after a kill.
    settings: { synchronous_commit: 'on' },
  });
  home = await makeBranchHome();
  shop = await createTestDatabase(server, { name: 'shop', sql: shopSql });
  branch = await createBranch(shop.url, home, 'victim');
});
afterAll(async () => {
  await removeAll(shop.url, home);
  await server.remove();
  await home.remove();
  if (typeof mounted !== 'string') await mounted.remove();
});

const env = () => ({ PATH: process.env.PATH, BELAY_HOME: home.path });
const start = (which = branch) => startBranchServer(which, { env: env() });
const dataOf = ({ folder }: FoundBranch) => join(folder as string, 'data');
const portOf = ({ settings }: FoundBranch) => settings.hosts[0]?.port as number;
const found = () => branchNamed(shop.url, home, 'victim');

async function listen(port: number): Promise<Server> {
  const listener = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve));
  return listener;
}

describe('the server of a branch', () => {
  it('is stopped and started, as often as anybody likes', async () => {
    expect((await stopBranchServer(branch)).stopped).toBe(true);
    expect((await stopBranchServer(branch)).stopped).toBe(false);
    expect((await found()).state).toBe('stopped');
    const both = await Promise.all([start(), start()]);
    expect(both.map(({ started }) => started).sort()).toEqual([false, true]);
    expect(both[0]?.branch.settings).toEqual(both[1]?.branch.settings);
    expect((await start()).started).toBe(false);
    expect(await itemsOf(urlOf(await found()))).toEqual(three);
  });

  it('recovers after a kill -9', async () => {
    await addItem(urlOf(await found()), 'sling');
    const { file } = await readPostmasterState(dataOf(branch));
    process.kill(file?.pid as number, 'SIGKILL');
    while (await isRunning(file?.pid as number)) await new Promise((done) => setTimeout(done, 20));
    expect((await found()).state).toBe('stopped');
    const { branch: started } = await start();
    expect(await itemsOf(urlOf(started))).toEqual([...three, 'sling']);
  });

  it('takes another port where its own is taken, and remembers it', async () => {
    await stopBranchServer(branch);
    const taken = portOf(await found());
    const listener = await listen(taken);
    try {
      const { branch: started, portBefore } = await start();
      expect(portBefore).toBe(taken);
      expect(portOf(started)).not.toBe(taken);
      expect(urlOf(await found())).toBe(urlOf(started));
      expect(await itemsOf(urlOf(started))).toEqual([...three, 'sling']);
      const text = await readFile(join(branch.folder as string, 'connection.json'), 'utf8');
      expect(JSON.parse(text)).toMatchObject({ port: portOf(started) });
    } finally {
      await new Promise((resolve) => listener.close(resolve));
    }
  });

  it('does not get the port of a branch that is stopped', async () => {
    await stopBranchServer(branch);
    const other = await createBranch(shop.url, home, 'other');
    expect(portOf(other)).not.toBe(portOf(await found()));
    await withWork(shop.url, home, (work) => clusterBranches.remove(work, other, 'wait'));
    await start();
  });

  it('is stopped when nobody has used it for long enough, and never while somebody does', async () => {
    const stopIdle = (idleMs: number, isUsed = false) =>
      onRoot(shop.url, home, (root) => stopIdleServers(root, { idleMs, isUsed: () => isUsed }));
    const folder = branch.folder as string;
    await start();
    const client = new pg.Client({ connectionString: urlOf(await found()) });
    await client.connect();
    expect(await stopIdle(0)).toEqual({ stopped: [], running: [folder] });
    await client.end();
    expect(await stopIdle(60_000)).toEqual({ stopped: [], running: [folder] });
    // Somebody was there between two looks.
    await itemsOf(urlOf(await found()));
    await new Promise((done) => setTimeout(done, 1_500));
    expect(await stopIdle(1_000)).toEqual({ stopped: [], running: [folder] });
    expect(await stopIdle(0, true)).toEqual({ stopped: [], running: [folder] });
    expect(await stopIdle(0)).toEqual({ stopped: [folder], running: [] });
    expect(await stopIdle(0)).toEqual({ stopped: [], running: [] });
    await start();
  });
});

describe('sessions', () => {
  it('that are at work are not cut by a reset, unless that is wanted', async () => {
    const client = new pg.Client({ connectionString: urlOf(await found()) });
    client.on('error', () => {});
    await client.connect();
    await client.query('BEGIN; SELECT 1');
    const order = (sessions: 'fail' | 'terminate') => ({
      reference: undefined,
      sessions,
      cwd: '/',
    });
    const reset = (sessions: 'fail' | 'terminate') =>
      withWork(shop.url, home, async (work) =>
        clusterBranches.reset(work, await found(), order(sessions)),
      );
    const refused = await failure(reset('fail'), 'SESSIONS_IN_THE_WAY');
    expect(refused.message).toContain('victim');
    await client.query('COMMIT');
    expect(existsSync(join(branch.folder as string, 'data.next'))).toBe(false);
    await reset('terminate');
    expect(await itemsOf(urlOf(await found()))).toEqual(three);
    await client.end().catch(() => {});
  });
});

describe('a branch that has lost something', () => {
  it('its data: it is damaged, says so, and a reset brings its base back', async () => {
    await rm(dataOf(branch), { recursive: true });
    const lost = await found();
    expect(lost).toMatchObject({ state: 'damaged' });
    expect(lost.problem).toContain('belay branch reset');
    await failure(start(lost), 'BRANCH_DAMAGED');
    await withWork(shop.url, home, (work) =>
      clusterBranches.reset(work, lost, { reference: undefined, sessions: 'wait', cwd: '/' }),
    );
    const back = await found();
    expect(urlOf(back)).toBe(urlOf(lost));
    expect(await itemsOf(urlOf(back))).toEqual(three);
  });

  it('its whole folder: it is no branch any more, and the note of it goes', async () => {
    const other = await createBranch(shop.url, home, 'vanishes');
    await stopBranchServer(other);
    await rm(other.folder as string, { recursive: true });
    const names = (await listBranches(shop.url, home)).map(({ record }) => record.name);
    expect(names).toEqual(['victim']);
    const removed = await withWork(shop.url, home, (work) => clusterBranches.removeLeftovers(work));
    expect(removed).toMatchObject([{ kind: 'branch-server', name: other.folder }]);
  });

  it('its connection: it is damaged, and can be removed', async () => {
    const other = await createBranch(shop.url, home, 'unreachable');
    await writeFile(join(other.folder as string, 'connection.json'), '{');
    const lost = await branchNamed(shop.url, home, 'unreachable');
    expect(lost).toMatchObject({ state: 'damaged' });
    expect(lost.problem).toContain('connection.json');
    await withWork(shop.url, home, (work) => clusterBranches.remove(work, lost, 'wait'));
    expect(existsSync(other.folder as string)).toBe(false);
  });

  it('its record is of a newer Belay: nothing touches it', async () => {
    const file = join(branch.folder as string, 'branch.json');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('{"belay":1,', '{"belay":99,'));
    await failure(listBranches(shop.url, home), 'NEWER_FORMAT');
    await writeFile(file, text);
    expect((await found()).state).toBe('ready');
  });
});

describe('a source', () => {
  it('that is elsewhere is not copied, and the error says why', async () => {
    // The same port in another network would look like that: a folder of that name is here, and it is not the server's.
    const aside = `${server.dataDir}.aside`;
    const pidFile = join(server.dataDir, 'postmaster.pid');
    await rename(pidFile, aside);
    try {
      const refused = await failure(createBranch(shop.url, home, 'no'), 'CLUSTER_NOT_COPIED');
      expect(refused.hint).toContain('container');
    } finally {
      await rename(aside, pidFile);
    }
    expect((await listBranches(shop.url, home)).map(({ record }) => record.name)).toEqual([
      'victim',
    ]);
  });

  it('that stops while it is copied leaves nothing behind', async () => {
    let stopping: Promise<void> | undefined;
    const error = await createBranch(
      shop.url,
      home,
      'cut',
      {},
      {
        reporter: (event) => {
          if (event.type === 'step' && event.name === 'copy the data directory')
            stopping ??= server.stop();
        },
      },
    ).then(
      () => null,
      (thrown) => thrown,
    );
    await stopping;
    await server.start();
    // It may have been complete before the server went.
    if (error) expect(['SERVER_GONE', 'SERVER_UNREACHABLE']).toContain(error.code);
    await withWork(shop.url, home, (work) => clusterBranches.removeLeftovers(work));
    const names = (await listBranches(shop.url, home)).map(({ record }) => record.name);
    expect(names).toEqual(error ? ['victim'] : ['victim', 'cut']);
    expect(await itemsOf(shop.url)).toEqual(three);
  });

  it('is left alone by an interruption', async () => {
    const abort = new AbortController();
    const made = createBranch(
      shop.url,
      home,
      'stopped',
      {},
      {
        signal: abort.signal,
        reporter: (event) => {
          if (event.type === 'step' && event.name === 'keep the base') abort.abort('SIGINT');
        },
      },
    );
    await failure(made, 'INTERRUPTED');
    const place = dirname(branch.folder as string);
    expect(readdirSync(place).filter((name) => name.startsWith('stopped'))).toEqual([]);
    expect(await itemsOf(shop.url)).toEqual(three);
  });
});

describe('a disk that is full', () => {
  it('is noticed before anything is copied, where blocks cannot be shared', async ({ skip }) => {
    const disk = await mountSmallDisk(20);
    if (!disk) return skip('a disk of a few megabytes cannot be mounted here');
    try {
      const made = createBranch(shop.url, home, 'full', { folder: disk.folder });
      const refused = await failure(made, 'DISK_FULL');
      expect(refused.details).toMatchObject({ neededBytes: expect.any(Number) });
      expect((await statfs(disk.folder)).bfree).toBeGreaterThan(0);
    } finally {
      await disk.unmount();
    }
    expect(await itemsOf(shop.url)).toEqual(three);
  });

  it.skipIf(!hasReflinks)(`while it is made, leaves nothing behind${skipped}`, async () => {
    const filler = join(parentDir, 'filler');
    await mkdir(parentDir, { recursive: true });
    // What sharing takes fits, what the server writes at its start does not.
    await fill(filler, 2e6);
    try {
      const error = await createBranch(shop.url, home, 'full').then(
        () => null,
        (thrown) => thrown,
      );
      expect(['DISK_FULL', 'LOCAL_SERVER_FAILED', 'DATABASE_ERROR', 'FILE_ERROR']).toContain(
        error?.code,
      );
    } finally {
      await rm(filler);
    }
    const names = (await listBranches(shop.url, home)).map(({ record }) => record.name);
    expect(names).not.toContain('full');
    const left = await withWork(shop.url, home, (work) => clusterBranches.findLeftovers(work));
    expect(left).toEqual([]);
    await run(shop.url, 'CHECKPOINT');
    expect(await itemsOf(shop.url)).toEqual(three);
    expect(await itemsOf(urlOf(await found()))).toEqual(three);
  });
});

/** Writes a file until so many bytes are free. */
async function fill(file: string, leaveBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(file));
  await truncate(file, 0).catch(() => {});
  const chunk = Buffer.alloc(1024 * 1024, 1);
  for (let left = bavail * bsize - leaveBytes; left > chunk.length; left -= chunk.length) {
    await writeFile(file, chunk, { flag: 'a' });
  }
}
