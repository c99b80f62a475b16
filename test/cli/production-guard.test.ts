import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callCli } from '../support/call-cli.js';
import {
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
  testServers,
} from '../support/servers.js';
import { addItem, createShop, databasesOf, itemsOf, run } from '../support/targets.js';

/** An address of this machine that a server cannot tell from another machine’s. */
const ownAddress = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

/** Each would replace or remove something. */
const destructive: readonly string[][] = [
  ['restore', 'baseline'],
  ['switch', 'baseline', '--save', 'saved'],
  ['undo'],
  ['delete', 'baseline', '--yes'],
  ['prune', '--keep-last', '0', '--yes'],
];

describe.each(testServers().slice(-1))(
  'a database that is marked as production on $name',
  (server) => {
    let shop: TestDatabase;
    let folder: string;
    beforeAll(async () => {
      shop = await createShop(server);
      folder = await mkdtemp(join(tmpdir(), 'belay-guard-'));
      const config = { targets: { prod: { url: shop.url, environment: 'production' } } };
      await writeFile(join(folder, 'belay.config.json'), JSON.stringify(config));
      for (const args of [
        ['snapshot', 'baseline'],
        ['restore', 'baseline', '--to', `${shop.name}_to`],
      ]) {
        expect(await callCli(args, { cwd: folder })).toMatchObject({ exitCode: 0 });
      }
      await run(server.adminUrl, `DROP DATABASE "${shop.name}_to"`);
      await addItem(shop.url, 'sold');
    });
    afterAll(async () => {
      await shop.drop();
      await rm(folder, { recursive: true });
    });

    it.each(destructive.map((args) => [args]))(
      '%j is refused with exit 3, and does nothing',
      async (args) => {
        const before = await databasesOf(server, shop.name);
        for (const more of [[], ['--allow-production', 'shop'], ['--url', shop.url]]) {
          const result = await callCli([...args, ...more, '--json'], { cwd: folder });
          expect(result).toMatchObject({ exitCode: 3, stderr: '' });
          expect(result.json.error).toMatchObject({ code: 'PRODUCTION_GUARD', kind: 'user' });
          expect(result.json.error.hint).toContain('--allow-production');
        }
        expect(await databasesOf(server, shop.name)).toEqual(before);
        expect(await itemsOf(shop.url)).toContain('sold');
      },
    );

    it('its name shows that it is meant', async () => {
      const call = (...args: string[]) =>
        callCli([...args, '--allow-production', shop.name], { cwd: folder });
      expect(await call('restore', 'baseline')).toMatchObject({ exitCode: 0 });
      expect(await itemsOf(shop.url)).not.toContain('sold');
      expect(await call('undo')).toMatchObject({ exitCode: 0 });
      expect(await itemsOf(shop.url)).toContain('sold');
      // The guard is one question and the confirmation another.
      expect(await call('delete', 'baseline')).toMatchObject({ exitCode: 3 });
      expect(await call('delete', 'baseline', '--yes')).toMatchObject({ exitCode: 0 });
    });
  },
);

describe('a server on another address than the local ones', () => {
  let server: ThrowawayServer;
  let shop: TestDatabase;
  let url: string;
  beforeAll(async () => {
    const [{ major } = { major: 18 }] = testServers();
    server = await startThrowawayServer({ major, settings: { listen_addresses: '*' } });
    await appendFile(
      join(server.dataDir, 'pg_hba.conf'),
      '\nhost all all 0.0.0.0/0 scram-sha-256\n',
    );
    await run(server.adminUrl, 'SELECT pg_reload_conf()');
    shop = await createShop(server);
    url = shop.url.replace('127.0.0.1', ownAddress ?? 'this-machine-has-no-network');
  });
  afterAll(() => server.remove());

  it('counts as production, unless the configuration says otherwise', async (context) => {
    if (!ownAddress) return context.skip('this machine has no address but the local ones');
    expect(await callCli(['snapshot', 'baseline', '--url', url])).toMatchObject({ exitCode: 0 });
    const refused = await callCli(['restore', 'baseline', '--json', '--url', url]);
    expect(refused).toMatchObject({ exitCode: 3 });
    expect(refused.json.error.message).toContain('is not this machine');
    const folder = await mkdtemp(join(tmpdir(), 'belay-guard-'));
    const config = { targets: { dev: { url, environment: 'development' } } };
    await writeFile(join(folder, 'belay.config.json'), JSON.stringify(config));
    const allowed = await callCli(['restore', 'baseline'], { cwd: folder });
    await rm(folder, { recursive: true });
    expect(allowed).toMatchObject({ exitCode: 0 });
  });

  it('is exit 6 when it has been stopped', async () => {
    await server.stop();
    const { exitCode, json } = await callCli(['list', '--json', '--url', shop.url]);
    expect(exitCode).toBe(6);
    expect(json.error.code).toBe('SERVER_UNREACHABLE');
  });
});
