import fc from 'fast-check';
import { type ApiDocument, type ApiOperation, operationsOf } from '../../support/api-operations.js';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { shopSql } from '../../support/targets.js';
import { type FuzzRequest, requestArbitrary } from '../fuzz/request-arbitrary.js';

/** A server with two databases, "shop" with a snapshot "baseline", and "other". */
export interface World {
  readonly server: TestBelayServer;
  readonly shop: TestDatabase;
  readonly other: TestDatabase;
  readonly document: ApiDocument;
  readonly operations: readonly ApiOperation[];
  end(): Promise<void>;
}

export async function makeWorld(options: { readonly queueLimit?: number } = {}): Promise<World> {
  const [postgres] = testServers();
  if (!postgres) throw new Error('there is no PostgreSQL');
  const shop = await createTestDatabase(postgres, { name: 'shop', sql: shopSql });
  const other = await createTestDatabase(postgres, { name: 'other', sql: shopSql });
  const server = await startTestServer({
    ...options,
    databases: { shop: shop.url, other: other.url },
  });
  await jsonOf(server, 'POST', '/api/snapshots', { database: 'shop', tag: 'baseline' });
  const document = (await jsonOf(server, 'GET', '/api/openapi.json')) as ApiDocument;
  const end = async () => {
    await server.close();
    await shop.drop();
    await other.drop();
  };
  return { server, shop, other, document, operations: operationsOf(document), end };
}

/** What an admin's call gives; fails where it is no success. */
export async function jsonOf(
  server: TestBelayServer,
  method: string,
  path: string,
  body?: object,
  // biome-ignore lint/suspicious/noExplicitAny: each route's shape is what the tests are about
): Promise<any> {
  const answer = await server.fetch(path, { method, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** A request that would do something, if it were allowed: as the document says, about the database "shop". */
export function plausibleRequest({ document }: World, operation: ApiOperation): FuzzRequest {
  const known = {
    ...{
      database: ['shop'],
      reference: ['baseline'],
      ref: ['baseline'],
      a: ['baseline'],
      b: ['live'],
    },
    ...{
      tag: ['new-tag'],
      name: ['new-name'],
      sql: ['DROP TABLE items'],
      version: ['1'],
      tables: [undefined],
    },
    ...{
      to: [undefined],
      kind: [undefined],
      confirm: ['shop'],
      password: ['correct horse battery'],
    },
    ...{ scopes: [['admin']], databases: [undefined], expiresAt: [undefined], cron: ['@daily'] },
    ...{ url: ['https://example.com/hook'], cursor: [undefined], limit: [1] },
  };
  const requests = requestArbitrary(document, operation, known).filter(
    ({ mutation }) => mutation === undefined,
  );
  const [request] = fc.sample(requests, { seed: 7, numRuns: 1 });
  if (!request) throw new Error(`no request for ${operation.path}`);
  return request;
}
