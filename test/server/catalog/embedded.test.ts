import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Catalog } from '../../../src/jobs/catalog/catalog.js';
import { openCatalog } from '../../../src/jobs/catalog/open-catalog.js';
import { readClusterState } from '../../../src/process/cluster.js';
import { readPostmasterState } from '../../../src/process/postmaster.js';
import { cleanEnvironment, testServers } from '../../support/servers.js';
import { until } from '../queue/scene.js';
import { type CatalogHome, makeCatalogHome } from './catalog-home.js';

// Each test starts and stops servers several times, and waits for processes: minutes on a machine that is busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const program = fileURLToPath(new URL('holder.ts', import.meta.url));

describe.each(testServers())('an embedded catalog of $name', (server) => {
  let place: CatalogHome;
  const children: ChildProcess[] = [];
  beforeEach(async () => {
    place = await makeCatalogHome();
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }
    await place.remove();
  });

  const env = { ...cleanEnvironment(), BELAY_PG_BIN: server.binDir };
  const open = (): Promise<Catalog> => openCatalog({ home: place.home, env });
  const isRunning = async () => (await readClusterState(place.folder)).running;

  /** Another process that has it open. */
  async function hold(): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['--import', 'tsx', program, place.home], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(child);
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await until('the other process has it open', () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
      return said.includes('open');
    });
    return child;
  }

  it('is started by the first and stopped by the last, of many that come and go', async () => {
    const first = await Promise.all([open(), open(), open()]);
    expect(first[0]).toMatchObject({ kind: 'embedded', place: place.folder });
    const [version] = await (first[0] as Catalog).query<{ major: number }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS major`,
    );
    expect(version?.major).toBe(server.major);
    await first[0]?.query(`INSERT INTO belay_server.workers (name, kind) VALUES ('w', 'server')`);
    // Some close while others open: none loses it.
    const second = await Promise.all([open(), ...first.map((catalog) => catalog.close())]);
    expect(await isRunning()).toBe(true);
    const [last] = second as [Catalog];
    expect(await last.query('SELECT name FROM belay_server.workers')).toEqual([{ name: 'w' }]);
    await last.close();
    expect(await isRunning()).toBe(false);
    const again = await open();
    expect(await again.query('SELECT name FROM belay_server.workers')).toEqual([{ name: 'w' }]);
    await again.close();
    expect(await isRunning()).toBe(false);
  });

  it('can be reached by no network', async () => {
    const catalog = await open();
    const [found] = await catalog.query<{ addresses: string }>(
      `SELECT current_setting('listen_addresses') AS addresses`,
    );
    expect(found?.addresses).toBe('');
    await catalog.close();
  });

  it('outlives a process that was killed, and the next one takes it over and stops it', async () => {
    const holder = await hold();
    const own = await open();
    await own.close();
    expect(await isRunning()).toBe(true);
    const before = (await readPostmasterState(`${place.folder}/data`)).file?.pid;
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(await isRunning()).toBe(true);
    const next = await open();
    expect((await readPostmasterState(`${place.folder}/data`)).file?.pid).toBe(before);
    expect(await next.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await next.close();
    expect(await isRunning()).toBe(false);
  });

  it('is left running by one who goes while another process uses it', async () => {
    const own = await open();
    const holder = await hold();
    await own.close();
    expect(await isRunning()).toBe(true);
    holder.stdin?.end();
    const [exitCode] = (await once(holder, 'exit')) as [number | null];
    expect(exitCode).toBe(0);
    expect(await isRunning()).toBe(false);
  });

  it('is started again where its server has died, for statements and for those who listen', async () => {
    const catalog = await open();
    const heard: string[] = [];
    let gaps = 0;
    await catalog.listen(
      'belay_job',
      (payload) => heard.push(payload),
      () => {
        gaps += 1;
      },
    );
    const { file } = await readPostmasterState(`${place.folder}/data`);
    process.kill(file?.pid as number, 'SIGKILL');
    // Whether a statement that was under way has happened, nobody knows: it may fail. The next ones do not.
    await until('it answers again', () => catalog.query('SELECT 1').catch(() => undefined));
    await until('it listens again', () => gaps > 0);
    await catalog.notify('belay_job', 'after');
    await until('it is heard', () => heard.includes('after'));
    await catalog.close();
    expect(await isRunning()).toBe(false);
  });

  it('begins anew where its folder was removed', async () => {
    await (await open()).close();
    await rm(place.folder, { recursive: true });
    const catalog = await open();
    expect(await catalog.query('SELECT FROM belay_server.jobs')).toEqual([]);
    await catalog.close();
  });
});
