import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { type TestDatabase, testServers, withDatabase } from '../../support/servers.js';
import { addItem, createShop, itemsOf } from '../../support/targets.js';

// Where other work keeps the cores busy, a drill takes a minute.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

describe.each(testServers())('snapshots and restores over HTTP on $name', (postgres) => {
  let shop: TestDatabase;
  let server: TestBelayServer;
  let token: string;
  beforeAll(async () => {
    shop = await createShop(postgres);
    server = await startTestServer({ databases: { shop: shop.url } });
    token = await server.token('restore', ['shop']);
  });
  afterAll(async () => {
    await server.close();
    await shop.drop();
  });

  // biome-ignore lint/suspicious/noExplicitAny: each route's answer is what the tests are about
  async function call(method: string, path: string, body?: object, by = token): Promise<any> {
    const answer = await server.fetch(path, { method, token: by, body });
    return { status: answer.status, ...((await answer.json()) as object) };
  }
  const post = (path: string, body: object) => call('POST', path, { database: 'shop', ...body });

  it('a baseline is taken, found, gone back to, and the way back is undone', async () => {
    const taken = await post('/api/snapshots', { tag: 'baseline', description: 'before the sale' });
    expect(taken).toMatchObject({ status: 200, tag: 'baseline' });
    await addItem(shop.url, 'chalk');

    const preview = await post('/api/restores/preview', { reference: 'baseline' });
    expect(preview).toMatchObject({
      ...{ status: 200, inPlace: true, canBeUndone: true, needsConfirmation: false },
      rowCounts: [{ table: 'public.items', snapshot: 3, live: 4 }],
    });

    const restored = await post('/api/restores', { reference: 'baseline' });
    expect(restored.status).toBe(200);
    expect(await itemsOf(shop.url)).toHaveLength(3);
    const after = await call('GET', '/api/snapshots?database=shop');
    expect(after.current.shop).toMatchObject({ basedOn: { tag: 'baseline' } });
    expect(after.current.shop.undo).not.toBeNull();

    expect((await post('/api/undos', {})).status).toBe(200);
    expect(await itemsOf(shop.url)).toContain('chalk');
  });

  it('into a new database it replaces nothing', async () => {
    const name = `${shop.name}_copy`;
    const copy = await post('/api/restores', { reference: 'baseline', to: name });
    expect(copy.status).toBe(200);
    expect(await itemsOf(withDatabase(shop.url, name))).toHaveLength(3);
    expect(await itemsOf(shop.url)).toContain('chalk');
  });

  it('it is renamed, protected and deleted', async () => {
    await post('/api/snapshots', { tag: 'short' });
    const path = (tag: string) => `/api/snapshots/shop/${encodeURIComponent(tag)}`;
    expect((await call('PATCH', path('short'), { tag: 'v1/short' })).status).toBe(200);
    const kept = await call('PATCH', path('v1/short'), { protectedUntil: 'forever' });
    expect(kept.status).toBe(200);
    expect((await call('DELETE', path('v1/short'))).status).toBe(403);
    const refused = await call('DELETE', path('v1/short'), undefined, server.admin);
    expect(refused).toMatchObject({ status: 409, code: 'PROTECTED' });
    expect((await call('PATCH', path('v1/short'), { protectedUntil: null })).status).toBe(200);
    expect((await call('DELETE', path('v1/short'), undefined, server.admin)).status).toBe(200);
    expect(await call('GET', path('v1/short'))).toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
  });

  it('on production nothing is replaced until its name is typed', async () => {
    const body = { environment: 'production' };
    expect((await call('PATCH', '/api/databases/shop', body, server.admin)).status).toBe(200);
    const refused = await post('/api/restores', { reference: 'baseline' });
    expect(refused).toMatchObject({ status: 409, code: 'NOT_CONFIRMED' });
    expect(await itemsOf(shop.url)).toContain('chalk');
    const wrong = await post('/api/switches', { reference: 'baseline', confirm: 'shopp' });
    expect(wrong).toMatchObject({ status: 409, code: 'NOT_CONFIRMED' });
    const typed = await post('/api/switches', { reference: 'baseline', confirm: 'shop' });
    expect(typed.status).toBe(200);
    expect(await itemsOf(shop.url)).not.toContain('chalk');
  });
});
