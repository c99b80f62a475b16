import pg from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { anyFreePort } from '../../../src/process/free-port.js';
import { callCli } from '../../support/call-cli.js';
import { testServers } from '../../support/servers.js';
import { createShop, itemsOf, run } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

describe.each(testServers())('belay gateway, $name', (server) => {
  it('prints one URL that follows the branches, also through a reset, and ends when told to', async () => {
    const shop = await createShop(server);
    const stop = new AbortController();
    try {
      const call = { cwd: makeTempFolder(), env: { DATABASE_URL: shop.url } };
      const port = String(await anyFreePort());
      const serving = callCli(['gateway', '--port', port, '--json'], {
        ...call,
        signal: stop.signal,
      });
      const url = new URL(shop.url);
      url.port = port;
      const pool = new pg.Pool({ connectionString: url.href, max: 2 });
      pool.on('error', () => {});
      const names = async () =>
        (await pool.query('SELECT name FROM items ORDER BY id')).rows.map(({ name }) => name);
      const target = ['rope', 'harness', 'belay device'];
      await vi.waitFor(async () => expect(await names()).toEqual(target), { timeout: 20_000 });
      const made = await callCli(['branch', 'create', 'invoices', '--json'], call);
      if (made.exitCode !== 0) throw new Error(made.stderr);
      await callCli(['branch', 'switch', 'invoices'], call);
      await run(made.json.url, `INSERT INTO items (name) VALUES ('carabiner')`);
      await vi.waitFor(async () => expect(await names()).toEqual([...target, 'carabiner']), {
        timeout: 20_000,
      });
      const reset = await callCli(['branch', 'reset', 'invoices', '--yes'], call);
      expect(reset.exitCode, reset.stderr).toBe(0);
      expect(await names()).toEqual(target);
      expect(await itemsOf(shop.url)).toEqual(target);
      stop.abort('SIGTERM');
      const { exitCode, json } = await serving;
      expect([exitCode, json.url]).toEqual([0, url.href.replace('postgres:', 'postgresql:')]);
      await pool.end();
    } finally {
      stop.abort('SIGTERM');
      await callCli(['branch', 'delete', 'invoices', '--yes'], { env: { DATABASE_URL: shop.url } });
      await shop.drop();
    }
  });
});
