import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examineTarget, repairTarget } from '../../../src/index.js';
import {
  cleanEnvironment,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
  testServers,
} from '../../support/servers.js';
import { createShop, databasesOf, itemsOf, withTarget } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { testHome } from '../../support/test-home.js';

const program = fileURLToPath(new URL('../../../bin/belay.js', import.meta.url));

/** Servers of their own: elsewhere another rehearsal would remove what a killed one leaves. */
describe.each(testServers())('a rehearsal that is ended early, on $name', ({ major }) => {
  let server: ThrowawayServer;
  let shop: TestDatabase;
  beforeAll(async () => {
    server = await startThrowawayServer({ major });
    shop = await createShop(server);
  });
  afterAll(() => server?.remove());

  const copies = () => databasesOf(server, 'belay_rehearsal_');

  /** A command that writes to the copy and then hangs. */
  async function start() {
    const code = `
      import pg from '${import.meta.resolve('pg')}';
      const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
      client.on('error', () => process.exit(0));
      await client.connect();
      await client.query('DELETE FROM items');
      console.log('deleted');
      setInterval(() => {}, 1000);`;
    const args = [program, 'rehearse', '--', process.execPath, '--input-type=module', '-e', code];
    const env = {
      ...cleanEnvironment(),
      ...{ BELAY_HOME: testHome(), BELAY_STORE: makeTempFolder() },
      DATABASE_URL: shop.url,
    };
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    const isDeleted = new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk) => {
        output += chunk;
        if (output.includes('deleted')) resolve();
      });
    });
    // Not "close": what is killed leaves its command behind, and that has the same output.
    const ended = once(child, 'exit');
    await Promise.race([isDeleted, ended]);
    return { child, ended, output: () => output };
  }

  it('by kill -9 leaves copies that doctor names and repair removes', async () => {
    const { child, ended, output } = await start();
    expect(await copies(), output()).toHaveLength(2);
    child.kill('SIGKILL');
    await ended;
    await withTarget(shop.url, async (target) => {
      const leftovers = async () =>
        (await examineTarget({ url: shop.url, env: {} })).checks.find(
          ({ name }) => name === 'leftovers',
        );
      // The server notices the death of a session a moment later.
      for (let round = 0; round < 200 && (await leftovers())?.status === 'ok'; round += 1) {
        await sleep(50);
      }
      expect(await leftovers()).toMatchObject({
        status: 'warn',
        detail: expect.stringContaining('belay_rehearsal_'),
      });
      const { cleaned } = await repairTarget(target);
      const removed = cleaned.filter(({ kind }) => kind === 'throwaway-database');
      expect(removed).toHaveLength(2);
      expect(await leftovers()).toMatchObject({ status: 'ok' });
    });
    expect(await copies()).toEqual([]);
    expect(await itemsOf(shop.url)).toHaveLength(3);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s leaves nothing', async (signal, expected) => {
    const { child, ended, output } = await start();
    child.kill(signal);
    const [exitCode] = await ended;
    expect(exitCode, output()).toBe(expected);
    expect(await copies()).toEqual([]);
    expect(await itemsOf(shop.url)).toHaveLength(3);
  });
});
