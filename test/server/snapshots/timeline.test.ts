import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { type TestDatabase, testServers } from '../../support/servers.js';
import { createShop } from '../../support/targets.js';

// Where other work keeps the cores busy, a drill takes a minute.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const [postgres] = testServers();
if (!postgres) throw new Error('no PostgreSQL');
let shops: TestDatabase[];
let server: TestBelayServer;
beforeAll(async () => {
  shops = [await createShop(postgres), await createShop(postgres)];
  const [one, two] = shops;
  server = await startTestServer({ databases: { one: one?.url ?? '', two: two?.url ?? '' } });
  for (const [database, tag, description] of [
    ['one', 'first', 'of the year'],
    ['two', 'second', '100% <b>Ünusual</b>'],
    ['one', 'third', ''],
  ]) {
    const body = { database, tag, description };
    const answer = await server.fetch('/api/snapshots', { method: 'POST', body });
    expect(answer.status).toBe(200);
  }
});
afterAll(async () => {
  await server.close();
  for (const shop of shops) await shop.drop();
});

// biome-ignore lint/suspicious/noExplicitAny: the shape is what the tests are about
async function list(query = '', token = server.admin): Promise<any> {
  const answer = await server.fetch(`/api/snapshots${query}`, { token });
  expect(answer.status).toBe(200);
  return answer.json();
}
const tags = (page: { snapshots: { tag: string }[] }) => page.snapshots.map(({ tag }) => tag);

describe('GET /api/snapshots', () => {
  it('has all databases that the caller may see, newest first', async () => {
    expect(tags(await list())).toEqual(['third', 'second', 'first']);
    expect(tags(await list('?database=one'))).toEqual(['third', 'first']);
    const bound = await server.token('read', ['two']);
    const page = await list('', bound);
    expect(tags(page)).toEqual(['second']);
    expect(Object.keys(page.current)).toEqual(['two']);
  });

  it('leaves the counts of each table to the snapshot itself', async () => {
    const [snapshot] = (await list('?limit=1')).snapshots;
    expect(snapshot).toMatchObject({ database: 'one', fingerprint: { tables: 1, rows: 3 } });
    expect(snapshot.fingerprint).not.toHaveProperty('rowCounts');
    const whole = await server.fetch(`/api/snapshots/one/${snapshot.id}`);
    expect(await whole.json()).toMatchObject({
      fingerprint: { rowCounts: { 'public.items': 3 } },
    });
  });

  it('gives pages until the end', async () => {
    const first = await list('?limit=2');
    expect(tags(first)).toEqual(['third', 'second']);
    const second = await list(`?limit=2&cursor=${encodeURIComponent(first.next)}`);
    expect([tags(second), second.next]).toEqual([['first'], null]);
  });

  it('searches texts and times', async () => {
    expect(tags(await list('?q=YEAR'))).toEqual(['first']);
    expect(tags(await list(`?q=${encodeURIComponent('100% <b>ünusual')}`))).toEqual(['second']);
    expect(tags(await list('?q=nothing'))).toEqual([]);
    const { createdAt } = (await list('?q=second')).snapshots[0];
    expect(tags(await list(`?from=${createdAt}`))).toEqual(['third', 'second']);
    expect(tags(await list(`?to=${createdAt}`))).toEqual(['second', 'first']);
    const answer = await server.fetch('/api/snapshots?from=yesterday');
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'BAD_TIME' }]);
  });

  it('shows at once what a job has changed', async () => {
    const body = { database: 'two', tag: 'fourth' };
    await server.fetch('/api/snapshots', { method: 'POST', body });
    expect(tags(await list('?database=two'))).toEqual(['fourth', 'second']);
  });
});
