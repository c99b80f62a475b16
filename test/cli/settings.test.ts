import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callCli } from '../support/call-cli.js';
import { type TestDatabase, testServers, withSession } from '../support/servers.js';
import { createShop } from '../support/targets.js';

describe.each(testServers().slice(0, 1))('what a project sets, on $name', (server) => {
  let shop: TestDatabase;
  let folder: string;
  beforeAll(async () => {
    shop = await createShop(server);
    folder = await mkdtemp(join(tmpdir(), 'belay-project-'));
    const config = {
      defaultTarget: 'dev',
      targets: { dev: { url: `\${SHOP_URL}`, environment: 'development' } },
      sessions: 'fail',
      retention: { keepLast: 1 },
    };
    await writeFile(join(folder, 'belay.config.json'), JSON.stringify(config));
    await writeFile(join(folder, '.env'), `SHOP_URL=${shop.url}\n`);
  });
  afterAll(async () => {
    await shop.drop();
    await rm(folder, { recursive: true });
  });

  const call = (...args: string[]) => callCli([...args, '--json'], { cwd: folder });

  it('the target comes from the config, and its variables from .env', async () => {
    const { json } = await call('status');
    expect(json.target).toMatchObject({ database: shop.name, name: 'dev' });
    expect((await call('status', '--target', 'dev')).json.target).toMatchObject({ name: 'dev' });
    expect(await call('status', '--target', 'other')).toMatchObject({ exitCode: 2 });
  });

  it('its policy on sessions holds, and the flag wins over it', async () => {
    await withSession(shop.url, async () => {
      const refused = await call('snapshot', 'one');
      expect(refused).toMatchObject({ exitCode: 5 });
      expect(refused.json.error).toMatchObject({
        ...{ code: 'SESSIONS_IN_THE_WAY', kind: 'user' },
        details: { sessions: [{ application: 'belay-test', state: 'idle' }] },
      });
      expect(await call('snapshot', 'one', '--sessions', 'wait')).toMatchObject({ exitCode: 0 });
    });
  });

  it('its retention holds, and the flags win over it', async () => {
    for (const tag of ['two', 'three']) await call('snapshot', tag);
    const tags = (snapshots: { tag: string }[]) => snapshots.map(({ tag }) => tag);
    expect(tags((await call('prune', '--dry-run')).json.removed)).toEqual(['one']);
    const wider = await call('prune', '--dry-run', '--keep-within', '1d');
    expect(wider.json.removed).toEqual([]);
    expect(tags((await call('prune', '--yes')).json.removed)).toEqual(['one']);
  });

  it('a config that is wrong is exit 2, and names the key but no value', async () => {
    const wrong = await mkdtemp(join(tmpdir(), 'belay-project-'));
    const config = { targets: { dev: { url: shop.url, enviroment: 'x' } } };
    await writeFile(join(wrong, 'belay.config.json'), JSON.stringify(config));
    const result = await callCli(['list', '--json'], { cwd: wrong });
    await rm(wrong, { recursive: true });
    expect(result).toMatchObject({ exitCode: 2 });
    expect(result.json.error).toMatchObject({ code: 'BAD_CONFIG' });
    expect(result.stdout).toContain('enviroment');
    expect(result.stdout).not.toContain(server.password);
  });
});
