import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { withScripts } from '../../support/archives.js';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import type { TestDatabase } from '../../support/servers.js';
import { createShop } from '../../support/targets.js';

// Where other work keeps the cores busy, a drill takes a minute.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const { server: postgres, tools } = await findDumpableServer();

describe(`POST /api/checkpoint on ${postgres.name}`, () => {
  let shop: TestDatabase;
  let server: TestBelayServer;
  let token: string;
  beforeAll(async () => {
    shop = await createShop(postgres);
    server = await startTestServer({ databases: { 'prod-api': shop.url } });
    token = await server.token('checkpoint');
  });
  afterAll(async () => {
    await server.close();
    await shop.drop();
  });

  const checkpoint = (
    body: object,
    headers: Record<string, string> = {},
    path = '/api/checkpoint',
  ) => server.fetch(path, { method: 'POST', token, body, headers });

  it('answers when it is sealed and drilled', async () => {
    const answer = await checkpoint({ database: 'prod-api', tag: 'pre-deploy-4f3a9c1' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-belay-job')).toMatch(/^job_/);
    const result = (await answer.json()) as Record<string, unknown>;
    expect(result).toMatchObject({
      ok: true,
      tag: 'pre-deploy-4f3a9c1',
      restore_drill: 'proven',
      rows: 3,
      tables: 1,
    });
    expect(result.size).toMatch(/^[\d.]+ (bytes|[kMG]B)$/);
    expect(result.sha256).toMatch(/^[0-9a-f]{64}$/);
    // It is in the timeline at once.
    const shown = await server.fetch('/api/snapshots/prod-api/pre-deploy-4f3a9c1');
    expect(shown.status).toBe(200);
    expect(await shown.json()).toMatchObject({
      copies: [{ type: 'archive', drill: { status: 'proven' } }],
    });
  });

  it('says who asked, in the ledger', async () => {
    const answer = await server.fetch('/api/ledger?database=prod-api');
    const { entries } = (await answer.json()) as { entries: Record<string, unknown>[] };
    const made = entries.find(({ action }) => action === 'checkpoint');
    expect(made).toMatchObject({
      actor: { onBehalfOf: expect.stringMatching(/^token test checkpoint \(tok_\w+\)$/) },
    });
  });

  it('takes what `curl -d` sends, whatever it calls it', async () => {
    const answer = await checkpoint(
      { database: 'prod-api', tag: 'by-curl' },
      { 'content-type': 'application/x-www-form-urlencoded' },
    );
    expect(answer.status).toBe(200);
  });

  it('a tag that is taken: 409 with the code of the command line and the job', async () => {
    const answer = await checkpoint({ database: 'prod-api', tag: 'by-curl' });
    expect(answer.status).toBe(409);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({
      ...{ code: 'TAG_EXISTS', kind: 'user', status: 409, job: expect.stringMatching(/^job_/) },
      type: '/api/docs#TAG_EXISTS',
    });
  });

  it.each([
    [{ database: 'nobody', tag: 'x' }, 404, 'DATABASE_NOT_REGISTERED'],
    [{ database: 'prod-api', tag: 'no spaces' }, 400, 'BAD_TAG'],
    [{ database: '../prod-api', tag: 'x' }, 400, 'BAD_REQUEST'],
    [{ tag: 'x' }, 400, 'BAD_REQUEST'],
  ])('%j: %i %s', async (body, status, code) => {
    const answer = await checkpoint(body);
    expect([answer.status, await answer.json()]).toMatchObject([status, { code }]);
  });

  it('a token that is bound to another database: 403', async () => {
    const bound = await server.token('checkpoint', ['other']);
    const body = { database: 'prod-api', tag: 'x' };
    const answer = await server.fetch('/api/checkpoint', { method: 'POST', token: bound, body });
    expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'FORBIDDEN' }]);
  });

  it.each([
    ['by header', { prefer: 'respond-async' }, ''],
    ['by query', {}, '?async=true'],
  ])('who does not want to wait, %s, gets 202 and a job', async (how, headers, query) => {
    const tag = how.replace(' ', '-');
    const answer = await checkpoint(
      { database: 'prod-api', tag },
      headers,
      `/api/checkpoint${query}`,
    );
    expect(answer.status).toBe(202);
    const job = (await answer.json()) as { id: string };
    expect(answer.headers.get('location')).toBe(`/api/jobs/${job.id}`);
    await expect
      .poll(async () => (await server.fetch(`/api/jobs/${job.id}`, { token })).json(), {
        timeout: 200_000,
      })
      .toMatchObject({ state: 'succeeded', result: { ok: true, tag } });
  });

  it('the same Idempotency-Key begins nothing new, also at the same time', async () => {
    const body = { database: 'prod-api', tag: 'once' };
    const key = { 'idempotency-key': 'deploy-1' };
    const answers = await Promise.all([1, 2, 3, 4].map(() => checkpoint(body, key)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(new Set(answers.map(({ headers }) => headers.get('x-belay-job'))).size).toBe(1);
    const other = await checkpoint({ ...body, tag: 'another' }, key);
    expect([other.status, await other.json()]).toMatchObject([
      409,
      { code: 'IDEMPOTENCY_KEY_REUSED' },
    ]);
  });

  it('one that is not proven: 422, and never `ok`', async () => {
    const env = await withScripts(server.store, tools, {
      pgRestore: `case "$*" in *--dbname*) echo 'out of luck' >&2; exit 1 ;; esac`,
    });
    const unlucky = await startTestServer({ env, databases: { shop: shop.url } });
    try {
      const answer = await unlucky.fetch('/api/checkpoint', {
        ...{ method: 'POST', body: { database: 'shop', tag: 'unproven' } },
      });
      const problem = await answer.json();
      expect([answer.status, problem]).toMatchObject([
        422,
        { code: 'NOT_PROVEN', result: { ok: false, restore_drill: 'failed' } },
      ]);
    } finally {
      await unlucky.close();
    }
  });
});
