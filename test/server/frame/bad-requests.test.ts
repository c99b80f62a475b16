import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { rawBytes, rawRequest } from '../../support/raw-http.js';

// Where other work keeps the cores busy, a drill takes a minute.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let server: TestBelayServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const post = (body: string, headers: Record<string, string> = {}) =>
  rawRequest(server.port, '/api/checkpoint', {
    ...{ method: 'POST', body },
    headers: { authorization: `Bearer ${server.admin}`, ...headers },
  });

describe('a request that is not what it should be', () => {
  it.each([
    ['no JSON', '{"database":', /not JSON/],
    ['another kind', '[]', /expected object/],
    ['nothing', '', /database/],
    ['an unknown field', '{"database":"shop","tga":"x"}', /nothing is called "tga"/],
    ['a wrong type', '{"database":7}', /database/],
    ['NUL', '{"database":"shop","tag":"a\\u0000b"}', /NUL/],
    ['half of a character', '{"database":"shop","tag":"\\ud800"}', /half of a character/],
    ['deep nesting', `{"database":${'['.repeat(1000)}${']'.repeat(1000)}}`, /nested too deeply/],
  ])('with %s names the field, in problem+json', async (_what, body, message) => {
    const { status, headers, body: answer } = await post(body);
    expect(status).toBe(400);
    expect(headers['content-type']).toBe('application/problem+json');
    const problem = JSON.parse(answer);
    expect(problem).toMatchObject({ status: 400, code: 'BAD_REQUEST', kind: 'user' });
    expect(problem.type).toBe('/api/docs#BAD_REQUEST');
    expect(problem.detail).toMatch(message);
  });

  it('does not see the value again: it may be a password', async () => {
    const { body } = await post('{"database":{"secret":"hunter2"},"tag":"hunter2');
    expect(body).not.toContain('hunter2');
    const typed = await post('{"database":{"password":"hunter2"}}');
    expect(typed.status).toBe(400);
    expect(typed.body).not.toContain('hunter2');
  });

  it('larger than 5 MB is refused, announced or not', async () => {
    const large = JSON.stringify({ database: 'shop', tag: 'x'.repeat(5 * 1024 * 1024) });
    const announced = await post('', { 'content-length': String(6 * 1024 * 1024) }).catch(
      () => null,
    );
    // The connection may be cut before the answer is read: nobody waits for the rest.
    if (announced) expect(announced.status).toBe(413);
    const chunked = await post(large, { 'transfer-encoding': 'chunked' }).catch(() => null);
    if (chunked) expect(chunked.status).toBe(413);
    expect((await server.fetch('/healthz')).status).toBe(200);
  });

  it('that is no HTTP gets 400, and the server lives', async () => {
    expect(await rawBytes(server.port, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    const huge = `GET / HTTP/1.1\r\nHost: localhost\r\nx: ${'y'.repeat(64_000)}\r\n\r\n`;
    expect(await rawBytes(server.port, huge)).toMatch(/^HTTP\/1\.1 431 /);
    expect((await server.fetch('/healthz')).status).toBe(200);
  });

  it('that never comes whole does not hold its connection', async () => {
    const slow = 'POST /api/checkpoint HTTP/1.1\r\nHost: localhost\r\nContent-';
    expect(await rawBytes(server.port, slow)).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('paths', () => {
  const call = (path: string, token: string | null = server.admin, method = 'GET') =>
    rawRequest(server.port, path, {
      method,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
    });

  it('that are no route: 401 for strangers, 404 with a code for others', async () => {
    expect((await call('/api/nothing', null)).status).toBe(401);
    const { status, body } = await call('/api/nothing');
    expect(status).toBe(404);
    expect(JSON.parse(body)).toMatchObject({ code: 'ROUTE_NOT_FOUND' });
  });

  it('with another method: 405 and what is possible', async () => {
    const { status, headers } = await call('/api/jobs', server.admin, 'DELETE');
    expect(status).toBe(405);
    expect(headers.allow).toBe('GET');
    expect((await call('/api/jobs', null, 'DELETE')).status).toBe(401);
  });

  it.each([
    ...['/../../etc/passwd', '/..%2f..%2fetc/passwd', '/%2e%2e/%2e%2e/etc/passwd'],
    ...['/assets/../../../package.json', '/assets/..%5c..%5cpackage.json', '//etc/passwd.txt'],
    ...['/assets/%00.js', '/package.json', '/index.html/../../package.json'],
  ])('%s leads to no file outside of the page', async (path) => {
    const { body } = await call(path, null);
    expect(body).not.toMatch(/root:|"belaydb"/);
  });

  it('with a parameter twice, an unknown one, or one that cannot be: 400', async () => {
    for (const query of ['limit=1&limit=2', 'nothing=1', 'limit=0', 'limit=x', 'cursor=!!']) {
      const answer = await call(`/api/snapshots?${query}`);
      expect([query, answer.status]).toEqual([query, 400]);
    }
  });
});

it('answers tell browsers to keep to themselves', async () => {
  for (const path of ['/', '/api/databases', '/api/nothing']) {
    const { headers } = await server.fetch(path);
    expect(headers.get('content-security-policy')).toMatch(
      /default-src 'self'.*frame-ancestors 'none'/,
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  }
  const { headers } = await server.fetch('/api/databases');
  expect(headers.get('cache-control')).toBe('no-store');
});

it('logs each request without what it held', async () => {
  const secret = 'hunter2-of-a-test';
  await server.fetch(`/api/databases?token=${secret}`);
  await server.fetch('/api/session', {
    ...{ method: 'POST', token: null, body: { name: 'ada', password: secret } },
  });
  await server.fetch('/api/databases', {
    method: 'POST',
    body: { name: 'far', url: `postgres://app:${secret}@127.0.0.1:1/x` },
  });
  await server.fetch('/api/databases', { token: `${secret}-token` });
  const lines = server
    .logs()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toContainEqual(
    expect.objectContaining({ method: 'POST', route: '/api/databases', status: 201 }),
  );
  expect(server.logs()).not.toContain(secret);
  expect(server.logs()).not.toContain(server.admin);
});
