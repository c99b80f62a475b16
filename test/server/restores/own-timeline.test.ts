import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import {
  createTestDatabase,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
} from '../../support/servers.js';
import { rowsOf, shopSql } from '../../support/targets.js';

/** Two servers with a database of the same name, as in staging and production, whose archives are in one store. */
let clusters: ThrowawayServer[] = [];
let staging: TestDatabase;
let server: TestBelayServer;
let bound: string;

beforeAll(async () => {
  clusters = [await startThrowawayServer({ major: 15 }), await startThrowawayServer({ major: 15 })];
  const [one, two] = clusters as [ThrowawayServer, ThrowawayServer];
  const production = await createTestDatabase(one, { exactName: 'shop', sql: shopSql });
  staging = await createTestDatabase(two, { exactName: 'shop', sql: shopSql });
  server = await startTestServer({
    databases: { production: production.url, staging: staging.url },
  });
  bound = await server.token('restore', ['staging']);
  const body = { database: 'production', tag: 'secret' };
  const made = await server.fetch('/api/checkpoint', { method: 'POST', body });
  expect(await made.json()).toMatchObject({ ok: true, restore_drill: 'proven' });
}, 240_000);

afterAll(async () => {
  await server?.close();
  for (const cluster of clusters) await cluster.remove();
}, 120_000);

test.each([
  ['/api/restores', { reference: 'secret' }],
  ['/api/restores', { reference: 'secret', to: 'mine' }],
  ['/api/restores', { reference: 'secret', tables: ['public.items'] }],
  ['/api/restores/preview', { reference: 'secret' }],
  ['/api/switches', { reference: 'secret' }],
  ['/api/comparisons', { a: 'secret', b: 'live' }],
  ['/api/schema-comparisons', { a: 'secret', b: 'live' }],
  ['/api/branches', { name: 'mine', from: 'secret' }],
])('who is bound to one database gets nothing of the other by %s %o', async (path, body) => {
  const answer = await server.fetch(path, {
    method: 'POST',
    token: bound,
    body: { database: 'staging', ...body },
  });
  expect(await answer.json()).toMatchObject({ status: 404, code: 'SNAPSHOT_NOT_FOUND' });
  const databases = await rowsOf(staging.url, `SELECT FROM pg_database WHERE datname = 'mine'`);
  expect(databases).toEqual([]);
});

test('who is bound to none brings a database back from the archives of a server that was lost', async () => {
  const body = { database: 'staging', reference: 'secret', to: 'back' };
  const answer = await server.fetch('/api/restores', { method: 'POST', body });
  expect(await answer.json()).toMatchObject({ ok: true, database: 'back' });
}, 120_000);
