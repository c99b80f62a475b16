import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { type TestDatabase, testServers } from '../../support/servers.js';
import { createShop } from '../../support/targets.js';

// Where other work keeps the cores busy, a drill takes a minute.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const [postgres] = testServers();
if (!postgres) throw new Error('no PostgreSQL');
let shop: TestDatabase;
let server: TestBelayServer;
beforeAll(async () => {
  shop = await createShop(postgres);
  server = await startTestServer({ url: shop.url });
});
afterAll(async () => {
  await server.close();
  await shop.drop();
});

async function call(
  method: string,
  path: string,
  body?: object,
  token = server.admin,
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what the tests are about
): Promise<any> {
  const answer = await server.fetch(path, { method, body, token });
  return {
    ...(answer.status === 204 ? {} : ((await answer.json()) as object)),
    http: answer.status,
  };
}

describe('databases', () => {
  it('that of the command line is registered under its own name', async () => {
    const { databases } = await call('GET', '/api/databases');
    expect(databases).toMatchObject([
      {
        ...{ name: shop.name, kind: 'direct', source: 'config', database: shop.name },
        status: { reachable: true, problem: null, snapshots: 0, newest: null, lastProven: null },
      },
    ]);
  });

  it('are registered, changed and forgotten; their URL is never shown', async () => {
    const secret = 'hunter2hunter2';
    const url = `postgres://app:${secret}@127.0.0.1:1/nowhere`;
    const made = await call('POST', '/api/databases', { name: 'far', url });
    expect(made).toMatchObject({ http: 201, name: 'far', kind: 'direct', source: 'api' });
    const again = await call('POST', '/api/databases', { name: 'far', url });
    expect(again).toMatchObject({ http: 409, code: 'DATABASE_REGISTERED' });
    const shown = await call('GET', '/api/databases/far');
    expect(shown).toMatchObject({ http: 200, name: 'far' });
    const changed = await call('PATCH', '/api/databases/far', { environment: 'production' });
    expect(changed).toMatchObject({ http: 200, environment: 'production' });
    expect(JSON.stringify([made, again, shown, changed])).not.toContain(secret);
    expect((await call('DELETE', '/api/databases/far')).http).toBe(204);
    expect(await call('GET', '/api/databases/far')).toMatchObject({
      ...{ http: 404, code: 'DATABASE_NOT_REGISTERED' },
    });
  });

  it('one that does not answer says why, and holds up nobody', async () => {
    const url = 'postgres://app:x@127.0.0.1:1/nowhere';
    await call('POST', '/api/databases', { name: 'away', url });
    const { databases } = await call('GET', '/api/databases');
    const away = databases.find(({ name }: { name: string }) => name === 'away');
    expect(away.status).toMatchObject({
      reachable: false,
      problem: { code: 'SERVER_UNREACHABLE' },
    });
    const tag = await call('POST', '/api/snapshots', { database: 'away', tag: 'x' });
    expect(tag).toMatchObject({ http: 503, code: 'SERVER_UNREACHABLE' });
    await call('DELETE', '/api/databases/away');
  });

  it.each([
    [{ name: 'x' }, 'no url'],
    [{ name: 'x', kind: 'agent', url: 'postgres://a/b' }, 'an agent’s with a url'],
    [{ name: '../x', url: 'postgres://a/b' }, 'a path'],
    [{ name: 'x', url: 'file:///etc/passwd' }, 'no database'],
    [{ name: 'x', url: 'postgres://a/b?sslkey=/etc/x' }, 'a file of the server'],
    [{ name: 'x', url: 'postgres://a/b', store: '../../etc' }, 'a store outside'],
    [
      { name: 'x', url: 'postgres://a/b', store: 'http://169.254.169.254/' },
      'a store that is a URL',
    ],
  ])('%j is refused: %s', async (body: object, _why) => {
    expect((await call('POST', '/api/databases', body)).http).toBe(400);
  });

  it('that come from the command line are not changed over HTTP', async () => {
    expect((await call('DELETE', `/api/databases/${shop.name}`)).http).toBe(400);
  });

  it('a token sees those it is bound to, and with `checkpoint` not their state', async () => {
    const bound = await server.token('checkpoint', [shop.name]);
    const { databases } = await call('GET', '/api/databases', undefined, bound);
    expect(databases).toMatchObject([{ name: shop.name }]);
    expect(databases[0]).not.toHaveProperty('status');
    const other = await server.token('read', ['other']);
    expect(await call('GET', '/api/databases', undefined, other)).toMatchObject({ databases: [] });
  });

  it('the inventory is without snapshots and ledger', async () => {
    const inventory = await call('GET', `/api/databases/${shop.name}/inventory?fresh=true`);
    expect(inventory).toMatchObject({ http: 200, database: shop.name, branches: [] });
    expect(inventory).not.toHaveProperty('snapshots');
    expect(inventory).not.toHaveProperty('ledger');
  });
});
