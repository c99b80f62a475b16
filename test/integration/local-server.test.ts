import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalServer } from '../../src/features/local/start.js';
import { localServerStatus } from '../../src/features/local/status.js';
import { stopLocalServer } from '../../src/features/local/stop.js';
import { anyFreePort, isPortFree } from '../../src/process/free-port.js';
import { findInstallations } from '../../src/process/postgres-installation.js';
import { readPostmasterState } from '../../src/process/postmaster.js';
import { cleanEnvironment, testServers, withSession } from '../support/servers.js';
import { makeTempFolder } from '../support/temp-folder.js';
import { makeServerFolder } from '../support/throwaway-server.js';
import { tellWatchdog } from '../support/watchdog.js';

/** A data folder for Belay whose server ends with the test run, whatever happens. */
async function makeHome(): Promise<string> {
  const home = await makeServerFolder();
  tellWatchdog(join(home, 'local'));
  return home;
}

async function listenOn(port: number) {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { close: () => new Promise((resolve) => server.close(resolve)) };
}

async function postmasterPid(dataDir: string): Promise<number> {
  const { file, running } = await readPostmasterState(dataDir);
  expect(running).toBe(true);
  return file?.pid ?? 0;
}

describe.each(testServers())('a local server of $name', ({ major, binDir }) => {
  // An installed one is found by BELAY_PG_BIN; the one from npm is what is left without it.
  const env = cleanEnvironment();
  if (!binDir.includes('node_modules') && major !== 18) env.BELAY_PG_BIN = binDir;
  let home: string;
  const start = (more = {}) => startLocalServer({ home, env, major, ...more });

  beforeAll(async () => {
    home = await makeHome();
  });
  afterAll(() => stopLocalServer({ home }));

  it('is not there before it is started, and neither look nor stop makes it', async () => {
    expect(await localServerStatus({ home })).toMatchObject({
      running: false,
      url: null,
      version: null,
      port: null,
    });
    expect(await stopLocalServer({ home })).toMatchObject({ stopped: false, running: false });
    expect(existsSync(join(home, 'local'))).toBe(false);
  });

  it('starts, also for root, and serves the database of its URL', async () => {
    const server = await start();
    expect(server).toMatchObject({ running: true, started: true });
    expect(server.version).toMatch(new RegExp(`^${major}\\.`));
    const { rows } = await withSession(server.url ?? '', (client) =>
      client.query(`SELECT current_database() AS database,
                           current_setting('server_version_num')::int / 10000 AS major,
                           current_setting('fsync') AS fsync`),
    );
    expect(rows).toEqual([{ database: 'app', major, fsync: 'on' }]);
    // PostgreSQL refuses to run as root, so its data belongs to somebody else.
    const { uid } = statSync(server.dataDir);
    if (process.getuid?.() === 0) expect(uid).not.toBe(0);
    else expect(uid).toBe(process.getuid?.());
  });

  it('shows its password to nobody else', async () => {
    const { url, dataDir } = await localServerStatus({ home });
    const { password } = new URL(url ?? '');
    expect(password).toMatch(/^[\w-]{20,}$/);
    expect(statSync(join(home, 'local/password')).mode & 0o077).toBe(0);
    const pid = await postmasterPid(dataDir);
    for (const file of ['cmdline', 'environ']) {
      const text = process.platform === 'linux' ? readFileSync(`/proc/${pid}/${file}`, 'utf8') : '';
      expect(text).not.toContain(password);
    }
    await expect(
      withSession((url ?? '').replace(password, 'wrong'), async () => 'connected'),
    ).rejects.toMatchObject({ code: '28P01' });
  });

  it('is the same at a second start', async () => {
    const before = await localServerStatus({ home });
    const pid = await postmasterPid(before.dataDir);
    const again = await start();
    expect(again).toMatchObject({ ...before, started: false });
    expect(await postmasterPid(again.dataDir)).toBe(pid);
  });

  it('does not move to another port while it runs', async () => {
    const port = await anyFreePort();
    await expect(start({ port })).rejects.toMatchObject({ code: 'USAGE', exitCode: 2 });
  });

  it('stops, and keeps its data and its port', async () => {
    const { url, port } = await localServerStatus({ home });
    await withSession(url ?? '', (client) =>
      client.query('CREATE TABLE kept (a int); INSERT INTO kept VALUES (42)'),
    );
    expect(await stopLocalServer({ home })).toMatchObject({
      stopped: true,
      running: false,
      url: null,
    });
    expect(await isPortFree(port ?? 0)).toBe(true);
    expect(await stopLocalServer({ home })).toMatchObject({ stopped: false });
    const again = await start();
    expect(again).toMatchObject({ url, port, started: true });
    const { rows } = await withSession(url ?? '', (client) => client.query('SELECT a FROM kept'));
    expect(rows).toEqual([{ a: 42 }]);
  });

  it('takes another port where somebody else has its own, and refuses one that is asked for', async () => {
    const { port } = await localServerStatus({ home });
    await stopLocalServer({ home });
    const other = await listenOn(port ?? 0);
    try {
      await expect(start({ port })).rejects.toMatchObject({
        code: 'PORT_TAKEN',
        exitCode: 5,
        details: { port },
      });
      expect(await localServerStatus({ home })).toMatchObject({ running: false });
      const server = await start();
      expect(server.port).not.toBe(port);
      await withSession(server.url ?? '', (client) => client.query('SELECT a FROM kept'));
    } finally {
      await other.close();
    }
  });

  it('takes the port that is asked for', async () => {
    await stopLocalServer({ home });
    const port = await anyFreePort();
    expect(await start({ port })).toMatchObject({ port, running: true });
  });

  it('comes back after a kill -9 of its postmaster, with all that was committed', async () => {
    const { url, dataDir } = await localServerStatus({ home });
    await withSession(url ?? '', (client) => client.query('INSERT INTO kept VALUES (43)'));
    process.kill(await postmasterPid(dataDir), 'SIGKILL');
    await expect
      .poll(() => localServerStatus({ home }))
      .toMatchObject({ running: false, url: null });
    const again = await start();
    expect(again).toMatchObject({ started: true, running: true });
    const { rows } = await withSession(again.url ?? '', (client) =>
      client.query('SELECT a FROM kept ORDER BY a'),
    );
    expect(rows).toEqual([{ a: 42 }, { a: 43 }]);
  });

  it('keeps its version', async () => {
    await stopLocalServer({ home });
    const wrong = start({ major: major === 18 ? 15 : 18 });
    await expect(wrong).rejects.toMatchObject({ code: 'USAGE' });
    const unsaid = await startLocalServer({ home, env: cleanEnvironment() });
    expect(unsaid.version).toMatch(new RegExp(`^${major}\\.`));
  });
});

describe.each(testServers())('starting a local server of $name', ({ major }) => {
  it('outlives the process that started it, even one that is killed with its group', async () => {
    const home = await makeHome();
    const program = fileURLToPath(new URL('../support/start-local-server.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', program, home, String(major)], {
      detached: true,
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [printed] = await once(child.stdout, 'data');
    const { url, dataDir } = JSON.parse(String(printed));
    const pid = await postmasterPid(dataDir);
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await once(child, 'exit');
    const { rows } = await withSession(url, (client) => client.query('SELECT 1 AS one'));
    expect(rows).toEqual([{ one: 1 }]);
    expect(await postmasterPid(dataDir)).toBe(pid);
    await stopLocalServer({ home });
  });

  it('at the same time, two get the same one', async () => {
    const home = await makeHome();
    const options = { home, env: cleanEnvironment(), major };
    const both = await Promise.all([startLocalServer(options), startLocalServer(options)]);
    expect(both.map(({ started }) => started).sort()).toEqual([false, true]);
    expect(both[0].url).toBe(both[1].url);
    await stopLocalServer({ home });
  });

  it('leaves nothing running where it is interrupted, and works the next time', async () => {
    const home = await makeHome();
    const options = { home, env: cleanEnvironment(), major };
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 300);
    const asked = startLocalServer({ ...options, signal: abort.signal });
    await expect(asked).rejects.toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
    expect(await localServerStatus({ home })).toMatchObject({ running: false });
    expect(await startLocalServer(options)).toMatchObject({ started: true });
    await stopLocalServer({ home });
  });
});

describe('where there is no server to start', () => {
  it('says what BELAY_PG_BIN should be', async () => {
    const home = await makeHome();
    const env = { ...cleanEnvironment(), BELAY_PG_BIN: makeTempFolder() };
    await expect(startLocalServer({ home, env })).rejects.toMatchObject({
      code: 'POSTGRES_NOT_FOUND',
      exitCode: 6,
      message: expect.stringContaining(env.BELAY_PG_BIN),
    });
  });

  it('names the versions that there are', async ({ skip }) => {
    const env = cleanEnvironment();
    const there = new Set((await findInstallations(env)).map(({ major }) => major));
    const missing = [14, 15, 16, 17, 18].find((major) => !there.has(major));
    if (missing === undefined) return skip('every version is on this machine');
    const asked = startLocalServer({ home: await makeHome(), env, major: missing });
    await expect(asked).rejects.toMatchObject({
      code: 'POSTGRES_NOT_FOUND',
      hint: expect.stringContaining(`${[...there][0]}.`),
    });
  });
});
