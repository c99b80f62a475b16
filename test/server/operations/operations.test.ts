import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import { rawRequest } from '../../support/raw-http.js';
import type { TestDatabase } from '../../support/servers.js';
import { createShop } from '../../support/targets.js';

// Where other work keeps the cores busy, a drill takes a minute.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const { server: postgres } = await findDumpableServer();
let shop: TestDatabase;
let server: TestBelayServer;
beforeAll(async () => {
  shop = await createShop(postgres);
  server = await startTestServer({ databases: { shop: shop.url } });
});
afterAll(async () => {
  await server.close();
  await shop.drop();
});

describe('probes', () => {
  it('are open: the process answers, and it can work', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const answer = await server.fetch(path, { token: null });
      expect([answer.status, await answer.json()]).toEqual([200, { ok: true }]);
    }
  });
});

describe('metrics', () => {
  const metrics = async () => (await server.fetch('/metrics', { token: null })).text();
  const sampleOf = (text: string, metric: string) =>
    text
      .split('\n')
      .find((line) => line.startsWith(`${metric} `))
      ?.slice(metric.length + 1);
  const age = 'belay_last_proven_checkpoint_age_seconds{database="shop"}';

  it('say the age of the last proven checkpoint, and that there is none', async () => {
    expect(sampleOf(await metrics(), age)).toBe('+Inf');
    const body = { database: 'shop', tag: 'measured' };
    const begin = Date.now();
    expect((await server.fetch('/api/checkpoint', { method: 'POST', body })).status).toBe(200);
    const text = await metrics();
    const seconds = Number(sampleOf(text, age));
    expect(seconds).toBeGreaterThanOrEqual(0);
    expect(seconds).toBeLessThanOrEqual((Date.now() - begin) / 1_000 + 1);
    expect(sampleOf(text, 'belay_jobs{state="succeeded"}')).toBe('1');
    expect(sampleOf(text, 'belay_queue_length')).toBe('0');
    expect(sampleOf(text, 'belay_database_reachable{database="shop"}')).toBe('1');
    expect(text).toMatch(/belay_http_requests_total\{.*route="\/api\/checkpoint".*\} 1/);
  });

  it('want `read` of whoever comes through a proxy or by another name', async () => {
    const get = (headers: Record<string, string>) =>
      rawRequest(server.port, '/metrics', { headers }).then(({ status }) => status);
    expect(await get({})).toBe(200);
    expect(await get({ 'x-forwarded-for': '203.0.113.9' })).toBe(401);
    expect(await get({ authorization: 'Bearer nonsense' })).toBe(401);
    expect(await get({ authorization: `Bearer ${await server.token('checkpoint')}` })).toBe(403);
    expect(await get({ authorization: `Bearer ${await server.token('read')}` })).toBe(200);
  });
});

describe('the document', () => {
  // biome-ignore lint/suspicious/noExplicitAny: a document of OpenAPI
  const read = async (): Promise<any> =>
    (await server.fetch('/api/openapi.json', { token: null })).json();

  it('is OpenAPI 3.1: every reference leads somewhere, every operation has its own name', async () => {
    const document = await read();
    expect(document.openapi).toBe('3.1.0');
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)];
    expect(references.length).toBeGreaterThan(10);
    for (const [, path = ''] of references) {
      const found = path
        .split('/')
        .slice(1)
        .reduce((value, key) => value?.[key], document);
      expect(found, path).toBeDefined();
    }
    const operations = Object.entries<Record<string, { operationId: string }>>(document.paths);
    const ids = operations.flatMap(([, methods]) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('declares the scope of each route, its parameters and problems', async () => {
    const { paths } = await read();
    for (const [path, methods] of Object.entries<Record<string, Record<string, unknown>>>(paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const [method, operation] of Object.entries(methods)) {
        const where = `${method} ${path}`;
        const scopes = ['open', 'any', 'agent', 'read', 'checkpoint', 'restore', 'admin'];
        expect(scopes, where).toContain(operation['x-belay-scope']);
        const parameters = operation.parameters as { in: string; name: string }[];
        const inPath = parameters.filter((one) => one.in === 'path').map(({ name }) => name);
        expect(inPath, where).toEqual(named);
        expect(operation.responses, where).toHaveProperty('default');
      }
    }
    expect(paths['/api/checkpoint'].post['x-belay-scope']).toBe('checkpoint');
  });

  it('has a page that asks for nothing elsewhere and explains every code', async () => {
    const page = await (await server.fetch('/api/docs', { token: null })).text();
    expect(page).not.toMatch(/<script|https?:\/\/(?!json-schema)[a-z]/i);
    expect(page).toContain('id="TAG_EXISTS"');
    expect((await server.fetch('/api/docs.css', { token: null })).status).toBe(200);
  });
});
