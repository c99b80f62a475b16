import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { runCli } from '../../../src/cli/run.js';
import { callCli } from '../../support/call-cli.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import { cleanEnvironment, createTestDatabase, type TestDatabase } from '../../support/servers.js';
import { createShop } from '../../support/targets.js';
import { testHome } from '../../support/test-home.js';
import { tellWatchdog } from '../../support/watchdog.js';

// Where other work keeps the cores busy, a drill takes a minute.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const { server: postgres } = await findDumpableServer();
let shop: TestDatabase;
beforeAll(async () => {
  shop = await createShop(postgres);
});
afterAll(() => shop.drop());

interface Served {
  /** What stdout had when the server was ready. */
  // biome-ignore lint/suspicious/noExplicitAny: the document of the command
  readonly ready: any;
  readonly stderr: () => string;
  readonly stop: (signal: 'SIGTERM' | 'SIGINT') => Promise<number>;
}

/** Runs `belay serve` in this process until it is told to stop. */
async function serve(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Served> {
  const controller = new AbortController();
  let stdout = '';
  let stderr = '';
  const ended = runCli({
    args: ['serve', '--json', '--port', '0', ...args],
    stdin: {},
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: { ...cleanEnvironment(), BELAY_HOME: testHome(), BELAY_LOG_LEVEL: 'silent', ...env },
    cwd: tmpdir(),
    signal: controller.signal,
  });
  const stop = (signal: 'SIGTERM' | 'SIGINT') => {
    controller.abort(signal);
    return ended;
  };
  onTestFinished(async () => {
    await stop('SIGTERM');
  });
  const early = ended.then((code) => `ended with ${code}`);
  await expect
    .poll(() => Promise.race([early, Promise.resolve(stdout)]), { timeout: 200_000 })
    .toMatch(/\}\s*$/);
  return { ready: JSON.parse(stdout), stderr: () => stderr, stop };
}

/** A place of its own for one test: an empty catalog, and a name in the data folder. */
async function place(): Promise<{ args: string[]; env: NodeJS.ProcessEnv }> {
  const catalog = await createTestDatabase(postgres, { name: 'catalog' });
  const store = mkdtempSync(join(tmpdir(), 'belay-serve-'));
  tellWatchdog(store);
  onTestFinished(async () => {
    await catalog.drop();
    rmSync(store, { recursive: true, force: true });
  });
  const name = catalog.name.replaceAll('_', '-');
  return { args: ['--name', name], env: { BELAY_CATALOG: catalog.url, BELAY_STORE: store } };
}

describe('belay serve', () => {
  it('serves the database of the command line to a token that was made before', async () => {
    const { args, env } = await place();
    const made = await callCli(
      ['token', 'create', '--scope', 'checkpoint', '--database', shop.name, '--json'],
      { env },
    );
    expect(made.exitCode).toBe(0);
    const { token } = made.json;
    const { ready, stderr, stop } = await serve(['--url', shop.url, ...args], env);
    expect(ready).toEqual({
      ...{ url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), host: '127.0.0.1' },
      ...{ port: expect.any(Number), databases: [shop.name], catalog: expect.any(String) },
    });
    expect(stderr()).not.toContain('#code=');
    const answer = await fetch(`${ready.url}/api/checkpoint`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ database: shop.name, tag: 'served' }),
    });
    expect([answer.status, await answer.json()]).toMatchObject([
      200,
      { ok: true, tag: 'served', restore_drill: 'proven' },
    ]);
    expect(await stop('SIGTERM')).toBe(143);
    await expect(fetch(`${ready.url}/healthz`)).rejects.toThrow();
  });

  it('where nobody is set up, prints a link that signs in once', async () => {
    const { args, env } = await place();
    const { ready, stderr, stop } = await serve(args, env);
    const code = /#code=(\S+)/.exec(stderr())?.[1];
    const signIn = () =>
      fetch(`${ready.url}/api/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ code }),
      });
    const first = await signIn();
    expect([first.status, await first.json()]).toMatchObject([
      200,
      { caller: { scopes: ['admin'] } },
    ]);
    expect((await signIn()).status).toBe(401);
    expect(JSON.stringify(ready)).not.toContain(String(code));
    expect(await stop('SIGINT')).toBe(130);
  });

  it('does not listen for others before somebody is set up', async () => {
    const { args, env } = await place();
    const refused = await callCli(
      ['serve', '--json', '--port', '0', '--host', '0.0.0.0', ...args],
      {
        env,
      },
    );
    expect([refused.exitCode, refused.json]).toMatchObject([
      3,
      { error: { code: 'EXPOSED_WITHOUT_TOKEN' } },
    ]);
  });

  it('names the server that has the data folder already, and a port that is taken', async () => {
    const { args, env } = await place();
    const { ready } = await serve(args, env);
    const second = await callCli(['serve', '--json', '--port', '0', ...args], { env });
    expect([second.exitCode, second.json]).toMatchObject([5, { error: { code: 'SERVER_RUNS' } }]);
    expect(second.json.error.message).toContain(ready.url);
    const other = await place();
    const taken = await callCli(['serve', '--json', '--port', String(ready.port), ...other.args], {
      env: other.env,
    });
    expect([taken.exitCode, taken.json]).toMatchObject([5, { error: { code: 'PORT_TAKEN' } }]);
  });

  it.each([
    [['--public-url', 'ftp://x'], 2],
    [['--public-url', 'https://x/path'], 2],
    [['--catalog', 'postgres://nobody@127.0.0.1:1/none'], 6],
    [['--host', '203.0.113.1'], 3],
    [['--concurrency', 'many'], 2],
    [['--port', '70000'], 2],
  ])('%j ends with exit code %i', async (extra, exitCode) => {
    const { args, env } = await place();
    const ended = await callCli(['serve', '--json', '--port', '0', ...args, ...extra], { env });
    expect(ended.exitCode).toBe(exitCode);
  });
});
