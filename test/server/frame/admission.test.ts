import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { rawRequest } from '../../support/raw-http.js';

// Where other work keeps the cores busy, a drill takes a minute.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let server: TestBelayServer;
beforeAll(async () => {
  server = await startTestServer({
    allowedHosts: ['belay.internal'],
    publicUrl: 'http://belay.example.com',
  });
});
afterAll(() => server.close());

const get = (path: string, headers: Readonly<Record<string, string>>) =>
  rawRequest(server.port, path, { headers });

describe('the name that a server is called by', () => {
  it.each([
    ['localhost', 200],
    ['LOCALHOST:8432', 200],
    ['127.0.0.1', 200],
    ['[::1]:80', 200],
    ['belay.internal', 200],
    ['belay.example.com', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['belay.internal.evil.example', 403],
    ['10.0.0.1', 403],
    ['169.254.169.254', 403],
    ['localhost@evil.example', 400],
    ['localhost:1:2', 400],
    ['', 400],
  ])('%j is answered with %i', async (host, status) => {
    const answer = await get('/api/databases', {
      host,
      authorization: `Bearer ${server.admin}`,
    });
    expect(answer.status).toBe(status);
    if (status === 403) expect(JSON.parse(answer.body)).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('is asked for the page as well, but not for what balances load', async () => {
    expect((await get('/', { host: 'evil.example' })).status).toBe(403);
    expect((await get('/healthz', { host: 'evil.example' })).status).toBe(200);
  });
});

describe('pages of other origins', () => {
  it.each([
    ['http://localhost', 200],
    ['http://belay.example.com', 200],
    ['https://belay.internal:8443', 200],
    ['http://evil.example', 403],
    ['http://localhost:3000', 403],
    ['http://localhost.evil.example', 403],
    ['null', 403],
    ['', 403],
  ])('%j is answered with %i', async (origin, status) => {
    const answer = await get('/api/databases', {
      ...{ host: 'localhost', origin, authorization: `Bearer ${server.admin}` },
    });
    expect(answer.status).toBe(status);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('get no answer to what browsers ask before they send', async () => {
    const { status, headers } = await rawRequest(server.port, '/api/checkpoint', {
      method: 'OPTIONS',
      headers: { host: 'localhost', authorization: `Bearer ${server.admin}` },
    });
    expect(status).toBe(405);
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('a session by its cookie', () => {
  async function signIn() {
    const token = await server.token('admin');
    const answer = await server.fetch('/api/session', {
      ...{ method: 'POST', token: null, body: { token } },
    });
    expect(answer.status).toBe(200);
    const cookie = answer.headers.get('set-cookie') ?? '';
    const { csrf } = (await answer.json()) as { csrf: string };
    return { cookie, csrf, pair: cookie.split(';')[0] ?? '' };
  }

  it('is kept from scripts and other sites', async () => {
    const { cookie } = await signIn();
    expect(cookie).toMatch(/^belay=[^;]+;/);
    expect(cookie).toMatch(/; HttpOnly/i);
    expect(cookie).toMatch(/; SameSite=Strict/i);
    expect(cookie).toMatch(/; Path=\//i);
  });

  it('may look, and change something only with the header that pages send', async () => {
    const { csrf, pair } = await signIn();
    const call = (method: string, headers: Record<string, string>) =>
      server.fetch('/api/tokens', {
        method,
        token: null,
        headers: { cookie: pair, ...headers },
        ...(method === 'POST' ? { body: { name: 'x', scopes: ['read'] } } : {}),
      });
    expect((await call('GET', {})).status).toBe(200);
    expect((await call('POST', {})).status).toBe(403);
    expect((await call('POST', { 'x-csrf-token': `${csrf}x` })).status).toBe(403);
    const form = { 'x-csrf-token': csrf, 'content-type': 'application/x-www-form-urlencoded' };
    expect((await call('POST', form)).status).toBe(415);
    expect((await call('POST', { 'x-csrf-token': csrf })).status).toBe(201);
  });
});

it('over TLS alone, the cookie says so', async () => {
  const secure = await startTestServer({ publicUrl: 'https://belay.example.com' });
  try {
    const token = await secure.token('read');
    const answer = await secure.fetch('/api/session', {
      ...{ method: 'POST', token: null, body: { token } },
    });
    expect(answer.headers.get('set-cookie')).toMatch(/^__Host-belay=[^;]+;.*; Secure/i);
    expect(answer.headers.get('strict-transport-security')).toMatch(/max-age=\d+/);
  } finally {
    await secure.close();
  }
});
