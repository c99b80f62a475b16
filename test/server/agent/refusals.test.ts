import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callCli } from '../../support/call-cli.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import { createShop } from '../../support/targets.js';
import { type AgentScene, openAgentScene, patienceMs } from './agent-scene.js';

const postgres = await findDumpableServer();

describe('what an agent may send, and what it is told', { timeout: patienceMs }, () => {
  let scene: AgentScene;
  beforeAll(async () => {
    scene = await openAgentScene(postgres, ['own', 'foreign']);
  }, patienceMs);
  afterAll(() => scene.close(), patienceMs);

  const agentOf = (names: readonly string[]) => scene.server.token('agent', names);
  const send = (path: string, token: string, body: unknown, method = 'POST') =>
    scene.server.fetch(path, { method, token, body });
  const claim = { waitSeconds: 0, name: 'by hand', version: '0.0.0' };
  const codeOf = async (answer: Response) => [
    ...[answer.status, ((await answer.json()) as { code?: string }).code],
  ];

  const run = (args: readonly string[], token: string) =>
    callCli(['agent', '--once', '--json', ...args], {
      env: { BELAY_AGENT_TOKEN: token, BELAY_STORE: scene.store },
      cwd: scene.store,
    });

  it.each([
    ['a wrong token', async () => 'bly_wrong', 'own', 6, 'UNAUTHENTICATED'],
    ['a token of a script', () => scene.server.token('admin'), 'own', 3, 'FORBIDDEN'],
    ['another database', () => agentOf(['foreign']), 'own', 3, 'FORBIDDEN'],
    ['nobody’s database', () => agentOf(['nobody']), 'nobody', 4, 'DATABASE_NOT_REGISTERED'],
  ])('%s: ends at once', async (_what, token, name, exitCode, code) => {
    const { url } = scene.server;
    const database = `${name}=${scene.urls.own}`;
    const ended = await run(['--server', url, '--database', database], await token());
    expect([ended.exitCode, ended.json]).toMatchObject([
      ...[exitCode, { ok: false, error: { code, hint: expect.any(String) } }],
    ]);
  });

  it.each([
    ['nobody there', 'http://127.0.0.1:1', 6, 'AGENT_FAILED'],
    ['no URL', 'belay.example.com', 2, 'USAGE'],
    ['a password in it', 'https://me:secret@belay.example.com', 2, 'USAGE'],
    ['another machine without TLS', 'http://belay.example.com', 2, 'USAGE'],
  ])('a server that is %s', async (_what, server, exitCode, code) => {
    const ended = await run(
      ['--server', server, '--database', `own=${scene.urls.own}`],
      await agentOf(['own']),
    );
    expect([ended.exitCode, ended.json]).toMatchObject([exitCode, { error: { code } }]);
    expect(ended.stdout + ended.stderr).not.toContain('secret');
  });

  it('a database that the server itself reaches is no agent’s', async () => {
    const shop = await createShop(postgres.server);
    try {
      const body = { name: 'near', url: shop.url, environment: 'development' };
      expect((await send('/api/databases', scene.server.admin, body)).status).toBe(201);
      const answer = await send('/api/agent/claim', await agentOf(['near']), {
        ...{ ...claim, databases: ['near'] },
      });
      expect(await codeOf(answer)).toEqual([400, 'BAD_REQUEST']);
    } finally {
      await scene.server.fetch('/api/databases/near', { method: 'DELETE' });
      await shop.drop();
    }
  });

  it('its token opens nothing else', async () => {
    const token = await agentOf(['own']);
    for (const path of [
      '/api/databases',
      '/api/snapshots',
      '/api/jobs',
      '/api/tokens',
      '/metrics',
    ]) {
      expect([path, (await scene.server.fetch(path, { token })).status]).toEqual([path, 403]);
    }
    const body = { database: 'own', tag: 'x' };
    expect((await send('/api/checkpoint', token, body)).status).toBe(403);
  });

  it('a job is the agent’s as long as it shows the lease, and only in sizes that make sense', async () => {
    const token = await agentOf(['own']);
    const job = await scene.begin('/api/snapshots', {
      ...{ database: 'own', tag: 'by-hand' },
    });
    const taken = await send('/api/agent/claim', token, { ...claim, databases: ['own'] });
    const { id, lease, environment } = (await taken.json()) as Record<string, string>;
    expect([taken.status, id, environment]).toEqual([200, job.id, 'development']);
    const path = `/api/agent/jobs/${id}`;
    const renewed = async (by: string, shown: unknown) =>
      (await send(`${path}/renew`, by, { lease: shown })).json();
    expect(await renewed(token, lease)).toEqual({ answer: 'renewed' });
    expect(await renewed(token, 'another')).toEqual({ answer: 'lost' });
    expect(await renewed(await agentOf(['foreign']), lease)).toMatchObject({
      code: 'JOB_NOT_FOUND',
    });
    const events = (list: readonly unknown[]) =>
      send(`${path}/events`, token, { lease, events: list });
    expect((await events([{ type: 'note', message: 'hello' }])).status).toBe(204);
    expect((await events([{ type: 'note', message: 'x'.repeat(1_100_000) }])).status).toBe(413);
    expect((await events([{ type: 'state', state: 'succeeded', worker: null }])).status).toBe(400);
    expect((await events([{ type: 'note' }])).status).toBe(400);
    const finish = (shown: unknown, outcome: unknown) =>
      send(`${path}/finish`, token, { lease: shown, outcome });
    const error = { code: 'MADE_UP', kind: 'bug', message: 'never heard of' };
    expect(await (await finish('another', { state: 'cancelled' })).json()).toEqual({
      taken: false,
    });
    expect((await finish(lease, { state: 'queued' })).status).toBe(400);
    expect(
      (await finish(lease, { state: 'succeeded', result: 'x'.repeat(1_100_000) })).status,
    ).toBe(413);
    expect(await (await finish(lease, { state: 'failed', error })).json()).toEqual({ taken: true });
    expect(await scene.job(job.id)).toMatchObject({
      ...{ state: 'failed', error: { code: 'AGENT_FAILED', kind: 'environment' } },
    });
    expect(await (await finish(lease, { state: 'cancelled' })).json()).toEqual({ taken: false });
  });

  const inventory = {
    ...{ database: 'own', at: new Date(0).toISOString(), problem: null, server: 'db:5432' },
    ...{ serverVersion: 150_018, sizeBytes: 1, snapshots: [], basedOn: null, undo: null },
    ...{ branches: [], versions: [], ledger: [] },
  };
  it.each([
    ['as it should be', inventory, 'own', 204],
    ['of another database than it says', { ...inventory, database: 'foreign' }, 'own', 400],
    ['of a database that is not its own', { ...inventory, database: 'foreign' }, 'foreign', 403],
    ['with snapshots that are none', { ...inventory, snapshots: [null] }, 'own', 400],
    ['with half a snapshot', { ...inventory, snapshots: [{ id: 'x', tag: 'x' }] }, 'own', 400],
    ['with more than there is', { ...inventory, more: 1 }, 'own', 400],
    ['that is no object', 'nothing', 'own', 400],
  ])('an inventory %s', async (_what, body, name, status) => {
    const token = await agentOf(['own']);
    const answer = await send(`/api/agent/inventory/${name}`, token, body, 'PUT');
    expect(answer.status).toBe(status);
  });
});
