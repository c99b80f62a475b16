import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import type { TestDatabase } from '../../support/servers.js';
import { addItem, createShop, itemsOf, rowsOf } from '../../support/targets.js';
import {
  creatingTools,
  migratingTools,
  readingTools,
  replacingTools,
  startHttpClient,
  type ToolClient,
} from './tool-client.js';

const { server: postgres } = await findDumpableServer();
const patienceMs = 180_000;

describe(`/mcp with ${postgres.name}`, { timeout: patienceMs }, () => {
  let shop: TestDatabase;
  let other: TestDatabase;
  let server: TestBelayServer;
  const open: ToolClient[] = [];
  const client = async (scope: Parameters<TestBelayServer['token']>[0], names?: string[]) => {
    const one = await startHttpClient(server.url, await server.token(scope, names));
    open.push(one);
    return one;
  };
  beforeAll(async () => {
    shop = await createShop(postgres);
    other = await createShop(postgres);
    server = await startTestServer({ databases: { shop: shop.url, other: other.url } });
  }, patienceMs);
  afterAll(async () => {
    for (const one of open) await one.close();
    await server.close({ graceMs: 0 });
    await shop.drop();
    await other.drop();
  });

  it.each([
    ['checkpoint', ['list_databases', ...creatingTools]],
    ['read', readingTools],
    ['restore', [...readingTools, ...creatingTools, ...migratingTools]],
    ['admin', [...readingTools, ...creatingTools, ...migratingTools]],
  ] as const)('a token with the scope %s has its tools and no others', async (scope, names) => {
    const assistant = await client(scope);
    expect(await assistant.names()).toEqual([...names].sort());
  });

  it('does as jobs of the token what a tool says', async () => {
    const assistant = await client('restore', ['shop']);
    const heard: string[] = [];
    const made = await assistant.call('create_checkpoint', { tag: 'by-mcp' }, (message) =>
      heard.push(message),
    );
    expect(made).toMatchObject({ ok: true, tag: 'by-mcp', restore_drill: 'proven', rows: 3 });
    expect(heard.length).toBeGreaterThan(1);
    const jobs = await (await server.fetch('/api/jobs?database=shop&type=checkpoint')).json();
    expect(jobs).toMatchObject({
      jobs: [{ state: 'succeeded', requestedBy: expect.stringMatching(/^token test restore /) }],
    });
    expect(await assistant.call('list_snapshots')).toMatchObject({
      snapshots: [{ tag: 'by-mcp', proof: 'proven' }],
    });
    const sql = 'DELETE FROM items';
    expect(await assistant.call('plan_migration', { sql })).toMatchObject({
      totals: { statements: 1, recordsAtRisk: 3 },
    });
    expect(await assistant.call('rehearse_migration', { sql })).toMatchObject({
      ...{ ok: true, tables: [{ rowsDeleted: 3 }] },
    });
    await assistant.call('create_snapshot', { tag: 'snap' });
    await addItem(shop.url, 'carabiner');
    expect(await assistant.call('diff', { a: 'snap' })).toMatchObject({ identical: false });
    expect(await assistant.call('compare_schemas', { a: 'snap' })).toMatchObject({
      identical: true,
    });
    expect(await assistant.call('status')).toMatchObject({ exists: true });
    expect(
      (await assistant.call('show_schema', { search: 'items' })).objects.length,
    ).toBeGreaterThan(0);
    await assistant.call('branch_create', { name: 'try', from: 'snap' });
    const { url } = await assistant.call('branch_url', { name: 'try' });
    expect(new URL(url).password).toBe('');
    expect((await assistant.call('ledger')).entries.length).toBeGreaterThan(2);
    expect(await assistant.call('verify')).toMatchObject({ ok: true });
    expect(await itemsOf(shop.url)).toHaveLength(4);
  });

  it('a token sees and uses the databases that it is bound to, and no others', async () => {
    const bound = await client('read', ['shop']);
    expect(await bound.call('list_databases')).toMatchObject({
      databases: [{ name: 'shop', isDefault: true }],
    });
    expect(await bound.refused('list_snapshots', { database: 'other' })).toMatch(/^FORBIDDEN: /);
    const free = await client('read');
    expect(await free.refused('list_snapshots')).toMatch(/^BAD_REQUEST: .*\nhint: .*other, shop/s);
    expect(await free.refused('status', { database: 'nobody' })).toMatch(
      /^DATABASE_NOT_REGISTERED: /,
    );
    expect(await free.refused('drift', { database: 'other' })).toMatch(/^NO_HISTORY: /);
  });

  it('what is cancelled ends its job', async () => {
    const assistant = await client('restore', ['other']);
    const controller = new AbortController();
    const cancelled = assistant.client.callTool(
      { name: 'rehearse_migration', arguments: { sql: 'SELECT pg_sleep(601)' } },
      undefined,
      { timeout: patienceMs, signal: controller.signal },
    );
    // Whoever fails before it is looked at must not leave it to nobody.
    cancelled.catch(() => {});
    const sleeping = () =>
      rowsOf(postgres.adminUrl, 'SELECT pid FROM pg_stat_activity WHERE query LIKE $1', [
        '%pg_sleep(601%',
      ]).then((rows) => rows.length > 0);
    await expect.poll(sleeping, { timeout: 60_000 }).toBe(true);
    controller.abort('enough');
    await expect(cancelled).rejects.toThrow();
    const states = async () => {
      const answer = await server.fetch('/api/jobs?database=other&type=rehearse');
      const { jobs } = (await answer.json()) as { jobs: { state: string }[] };
      return jobs.map(({ state }) => state);
    };
    await expect.poll(states, { timeout: 60_000 }).toEqual(['cancelled']);
    await expect.poll(sleeping, { timeout: 60_000 }).toBe(false);
  });

  const initialize = {
    ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
    params: {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'raw', version: '1' },
    },
  };
  const accept = { accept: 'application/json, text/event-stream' };
  const post = (request: Parameters<TestBelayServer['fetch']>[1]) =>
    server.fetch('/mcp', { method: 'POST', body: initialize, ...request });

  it('asks for a token, an own Host and Origin, and a session of the same token', async () => {
    expect((await post({ token: null, headers: accept })).status).toBe(401);
    expect((await post({ token: 'bly_wrong', headers: accept })).status).toBe(401);
    const agents = await server.token('agent', ['shop']);
    expect((await post({ token: agents, headers: accept })).status).toBe(403);
    const foreign = { ...accept, origin: 'https://evil.example' };
    expect((await post({ headers: foreign })).status).toBe(403);
    const begun = await post({ headers: accept });
    expect(begun.status).toBe(200);
    await begun.text();
    const session = { ...accept, 'mcp-session-id': begun.headers.get('mcp-session-id') as string };
    const body = { jsonrpc: '2.0', id: 2, method: 'tools/list', params: {} };
    const own = await post({ headers: session, body });
    expect([own.status, await own.text()]).toEqual([
      200,
      expect.stringContaining('list_databases'),
    ]);
    const stolen = await post({ token: await server.token('read'), headers: session, body });
    expect(stolen.status).toBe(404);
    const unknown = { ...accept, 'mcp-session-id': 'nobody' };
    expect((await post({ headers: unknown, body })).status).toBe(404);
    expect((await post({ headers: accept, body })).status).toBe(400);
    expect((await server.fetch('/mcp', { headers: accept })).status).toBe(400);
    expect((await post({ headers: accept, body: '{' })).status).toBe(400);
  });

  it('with --allow-restore and the scope restore it restores and undoes', async () => {
    const trusting = await startTestServer({ databases: { shop: other.url }, allowRestore: true });
    const assistants: ToolClient[] = [];
    try {
      const begin = async (scope: 'read' | 'restore') => {
        const one = await startHttpClient(trusting.url, await trusting.token(scope));
        assistants.push(one);
        return one;
      };
      const reader = await begin('read');
      expect(await reader.names()).toEqual(readingTools);
      const trusted = await begin('restore');
      expect(await trusted.names()).toEqual(
        [...readingTools, ...creatingTools, ...migratingTools, ...replacingTools].sort(),
      );
      await trusted.call('create_snapshot', { tag: 'three' });
      await addItem(other.url, 'carabiner');
      expect(await trusted.call('restore', { reference: 'three' })).toMatchObject({ ok: true });
      expect(await itemsOf(other.url)).toHaveLength(3);
      expect(await trusted.call('undo')).toMatchObject({ ok: true });
      expect(await itemsOf(other.url)).toHaveLength(4);
      // Its name has to be typed, and an assistant has no way to do that.
      const change = { environment: 'production' };
      await trusting.fetch('/api/databases/shop', { method: 'PATCH', body: change });
      expect(await trusted.refused('restore', { reference: 'three' })).toMatch(/^NOT_CONFIRMED: /);
      expect(await itemsOf(other.url)).toHaveLength(4);
    } finally {
      for (const one of assistants) await one.close();
      await trusting.close({ graceMs: 0 });
    }
  });
});
