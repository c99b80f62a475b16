import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allows, type Scope, scopes } from '../../../src/contract/scope.js';
import { type ApiOperation, fillPath, nameOf } from '../../support/api-operations.js';
import { itemsOf } from '../../support/targets.js';
import { expectedScopes } from './expected-scopes.js';
import { jsonOf, makeWorld, plausibleRequest, type World } from './world.js';

let world: World;

beforeAll(async () => {
  world = await makeWorld();
}, 120_000);

afterAll(async () => {
  await world?.end();
});

/** What the document says of each route must be what was written down by hand. */
test('every route is in the table, with its scope, and nothing else can be called', () => {
  const found = Object.fromEntries(world.operations.map((one) => [nameOf(one), one.scope]));
  const wanted = Object.entries(expectedScopes).map(([name, [scope]]) => [name, scope]);
  expect(found).toEqual(Object.fromEntries(wanted));
});

async function statusOf(
  operation: ApiOperation,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const { url, body } = plausibleRequest(world, operation);
  const answer = await world.server.fetch(url, {
    ...{ method: operation.method, token: null, headers: { ...headers, prefer: 'respond-async' } },
    body,
  });
  await answer.body?.cancel();
  return answer.status;
}

const isOpen = ({ scope }: ApiOperation) => scope === 'open';

async function expectStatus(
  headers: Readonly<Record<string, string>>,
  isRefused: (operation: ApiOperation) => boolean,
  status: number,
): Promise<void> {
  const wrong: string[] = [];
  for (const operation of world.operations.filter(isRefused)) {
    const found = await statusOf(operation, headers);
    if (found !== status) wrong.push(`${nameOf(operation)}: ${found}`);
  }
  expect(wrong).toEqual([]);
}

async function expiredToken(): Promise<string> {
  const expiresAt = new Date(Date.now() + 2_000).toISOString();
  const { token } = await jsonOf(world.server, 'POST', '/api/tokens', {
    scopes: ['admin'],
    expiresAt,
  });
  const isGood = async () => (await world.server.fetch('/api/session', { token })).status === 200;
  await expect.poll(isGood, { timeout: 30_000 }).toBe(false);
  return token;
}

async function revokedToken(): Promise<string> {
  const { token, record } = await jsonOf(world.server, 'POST', '/api/tokens', {
    scopes: ['admin'],
  });
  await jsonOf(world.server, 'DELETE', `/api/tokens/${record.id}`);
  return token;
}

/** Of the right form, with another secret. */
function forgedToken(): string {
  const { admin } = world.server;
  const middle = Math.floor(admin.length * 0.7);
  return `${admin.slice(0, middle)}${admin[middle] === 'A' ? 'B' : 'A'}${admin.slice(middle + 1)}`;
}

describe('without a right token everything but the open routes is refused with 401', () => {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const cases: Readonly<
    Record<string, () => Promise<Record<string, string>> | Record<string, string>>
  > = {
    'no token': () => ({}),
    'an empty one': () => ({ authorization: 'Bearer' }),
    'another scheme': () => ({ authorization: `Basic ${btoa(`admin:${world.server.admin}`)}` }),
    'the token without a scheme': () => ({ authorization: world.server.admin }),
    'something before it': () => bearer(`x ${world.server.admin}`),
    'something after it': () => bearer(`${world.server.admin}x`),
    'one that is cut off': () => bearer(world.server.admin.slice(0, -1)),
    'another secret': () => bearer(forgedToken()),
    SQL: () => bearer("'OR'1'='1"),
    'a very long one': () => bearer('bly_'.repeat(1_000)),
    'an expired one': async () => bearer(await expiredToken()),
    'a revoked one': async () => bearer(await revokedToken()),
    'a cookie that is none': () => ({ cookie: `belay=${world.server.admin}` }),
  };
  test.each(Object.entries(cases))('%s', async (_name, makeHeaders) => {
    await expectStatus(await makeHeaders(), (operation) => !isOpen(operation), 401);
  });
});

describe('each scope opens what it opens and nothing else', () => {
  const isGranted = (scope: Scope, wanted: string) =>
    wanted === 'open' ||
    wanted === 'any' ||
    (wanted !== 'agent' && allows([scope], wanted as Scope));

  test.each(scopes)('%s: the others are refused with 403', async (scope) => {
    const headers = { authorization: `Bearer ${await world.server.token(scope)}` };
    await expectStatus(headers, (operation) => !isGranted(scope, operation.scope), 403);
  });

  test.each(scopes)('%s: its own are not refused', async (scope) => {
    const token = await world.server.token(scope);
    const wrong: string[] = [];
    for (const operation of world.operations) {
      const isMetrics = operation.path === '/metrics' && !allows([scope], 'read');
      if (!isGranted(scope, operation.scope) || isMetrics) continue;
      // A database that there is not, so that nothing happens.
      const path = fillPath(operation.path, {
        database: 'nowhere',
        id: 'none',
        ref: 'x',
        name: 'x',
      });
      const needsQuery = operation.parameters.some(
        ({ name, required }) => name === 'database' && required,
      );
      const answer = await world.server.fetch(
        `${path}${needsQuery && !path.includes('nowhere') ? '?database=nowhere' : ''}`,
        {
          ...{ method: operation.method, token },
          body: operation.body ? { database: 'nowhere' } : undefined,
        },
      );
      await answer.body?.cancel();
      if ([401, 403].includes(answer.status) || answer.status >= 500) {
        // Signing in with nothing is a bad request and not this.
        wrong.push(`${nameOf(operation)}: ${answer.status}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('an agent’s token opens the agent’s routes alone', async () => {
    const headers = { authorization: `Bearer ${await world.server.token('agent', ['shop'])}` };
    await expectStatus(headers, ({ scope }) => scope !== 'agent' && scope !== 'open', 403);
  });

  test('bound to another database, even an admin is refused', async () => {
    const headers = { authorization: `Bearer ${await world.server.token('admin', ['other'])}` };
    const isAbout = (operation: ApiOperation) => {
      const [, where] = expectedScopes[nameOf(operation)] ?? [];
      return (
        operation.scope !== 'agent' && (where === 'path' || where === 'query' || where === 'body')
      );
    };
    await expectStatus(headers, isAbout, 403);
  });
});

test('a checkpoint token reads no data, restores nothing and deletes nothing, by name', async () => {
  const headers = { authorization: `Bearer ${await world.server.token('checkpoint', ['shop'])}` };
  const allowed = Object.keys(expectedScopes).filter((name) => {
    const [scope] = expectedScopes[name] ?? [];
    return scope === 'checkpoint' || scope === 'any' || scope === 'open';
  });
  expect(allowed.sort()).toEqual([
    ...['DELETE /api/session', 'GET /api/databases', 'GET /api/docs', 'GET /api/docs.css'],
    ...[
      'GET /api/jobs',
      'GET /api/jobs/{id}',
      'GET /api/jobs/{id}/events',
      'GET /api/openapi.json',
    ],
    ...['GET /api/session', 'GET /healthz', 'GET /metrics', 'GET /readyz', 'POST /api/checkpoint'],
    ...[
      'POST /api/drills',
      'POST /api/jobs/{id}/cancel',
      'POST /api/session',
      'POST /api/snapshots',
    ],
  ]);
  await expectStatus(headers, (operation) => !allowed.includes(nameOf(operation)), 403);
});

test('nothing of all that was refused has had an effect', async () => {
  const { jobs } = await jsonOf(world.server, 'GET', '/api/jobs?limit=200');
  const types = (jobs as { readonly type: string }[]).map(({ type }) => type);
  expect(types).toEqual(['snapshot']);
  const { snapshots } = await jsonOf(world.server, 'GET', '/api/snapshots?database=shop');
  expect((snapshots as { readonly tag: string }[]).map(({ tag }) => tag)).toEqual(['baseline']);
  const { databases } = await jsonOf(world.server, 'GET', '/api/databases');
  expect((databases as { readonly name: string }[]).map(({ name }) => name).sort()).toEqual([
    'other',
    'shop',
  ]);
  expect((await jsonOf(world.server, 'GET', '/api/people')).people).toEqual([]);
  expect((await jsonOf(world.server, 'GET', '/api/schedules')).schedules).toEqual([]);
  expect((await jsonOf(world.server, 'GET', '/api/webhooks')).webhooks).toEqual([]);
  expect(await itemsOf(world.shop.url)).toEqual(['rope', 'harness', 'belay device']);
});
