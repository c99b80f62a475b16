import { readdirSync } from 'node:fs';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callCli } from '../../support/call-cli.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import { addItem, run } from '../../support/targets.js';
import { type AgentScene, openAgentScene, patienceMs } from './agent-scene.js';

const postgres = await findDumpableServer();

interface CountingProxy {
  readonly url: string;
  /** Everything that the agents have sent. */
  sent(): Buffer;
  /** Most connections that were open at one time. */
  most(): number;
  close(): void;
}

/** What goes through it to the server is kept, for looking at. */
async function countTraffic(port: number): Promise<CountingProxy> {
  const parts: Buffer[] = [];
  const open = new Set<net.Socket>();
  let most = 0;
  const proxy = net.createServer((socket) => {
    const upstream = net.connect(port, '127.0.0.1');
    open.add(socket);
    most = Math.max(most, open.size);
    socket.on('data', (part) => parts.push(part));
    socket.pipe(upstream).pipe(socket);
    for (const one of [socket, upstream]) one.on('error', () => {});
    socket.on('close', () => {
      open.delete(socket);
      upstream.destroy();
    });
    upstream.on('close', () => socket.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port: own } = proxy.address() as net.AddressInfo;
  return {
    url: `http://127.0.0.1:${own}`,
    sent: () => Buffer.concat(parts),
    most: () => most,
    close: () => {
      proxy.close();
      for (const socket of open) socket.destroy();
    },
  };
}

describe(`agents, with databases on ${postgres.server.name}`, { timeout: 3 * patienceMs }, () => {
  let scene: AgentScene;
  beforeAll(async () => {
    scene = await openAgentScene(postgres, ['far', 'farther', 'farthest']);
  }, patienceMs);
  afterAll(() => scene.close(), patienceMs);

  it('a checkpoint: the data goes to the store, never through the server', async () => {
    const { server, urls } = scene;
    const marker = 'a-row-that-nobody-else-may-see';
    await addItem(urls.far as string, marker);
    await run(
      urls.far as string,
      `CREATE TABLE noise AS SELECT n, md5(n::text) || md5((-n)::text) AS text
         FROM generate_series(1, 30000) n`,
    );
    const proxy = await countTraffic(server.port);
    const agent = await scene.agent('near-far', ['far'], proxy.url);
    const answer = await server.fetch('/api/checkpoint', {
      method: 'POST',
      token: await server.token('checkpoint', ['far']),
      body: { database: 'far', tag: 'by-agent' },
    });
    const result = (await answer.json()) as { sizeBytes: number };
    expect([answer.status, result]).toMatchObject([
      200,
      { ok: true, tag: 'by-agent', restore_drill: 'proven', rows: 30_004 },
    ]);
    // Who waited for it sees it at once.
    const shown = await server.fetch('/api/snapshots/far/by-agent');
    expect([shown.status, await shown.json()]).toMatchObject([200, { tag: 'by-agent' }]);
    const job = await scene.job(answer.headers.get('x-belay-job') as string);
    expect(job).toMatchObject({ state: 'succeeded', worker: 'agent near-far', attempt: 1 });
    const ledger = await (await server.fetch('/api/ledger?database=far')).json();
    expect(ledger).toMatchObject({
      entries: [{ action: 'checkpoint', actor: { onBehalfOf: job.requestedBy } }],
    });
    agent.kill('SIGTERM');
    expect(await agent.ended).toBe(143);
    proxy.close();
    const sent = proxy.sent();
    expect(result.sizeBytes).toBeGreaterThan(500_000);
    expect(sent.length).toBeLessThan(200_000);
    expect(sent.includes(marker)).toBe(false);
    expect(sent.includes(new URL(urls.far as string).password || 'no password')).toBe(false);
    expect(proxy.most()).toBe(1);
    expect(readdirSync(server.store)).toEqual([]);
  });

  it('rows that differ stay with the agent, unless it was started to show them', async () => {
    const { server, urls } = scene;
    const url = urls.far as string;
    const snapshot = await scene.begin('/api/snapshots', { database: 'far', tag: 'before-rows' });
    const compare = await scene.begin('/api/comparisons', {
      ...{ database: 'far', a: 'before-rows', b: 'live', data: true },
    });
    const once = (args: readonly string[]) =>
      callCli(
        [
          ...['agent', '--server', server.url, '--database', `far=${url}`, '--once', '--json'],
          ...args,
        ],
        { env: { BELAY_AGENT_TOKEN: scene.token, BELAY_STORE: scene.store }, cwd: scene.store },
      );
    await scene.server.fetch(`/api/jobs/${compare.id}/cancel`, { method: 'POST' });
    expect(await once([])).toMatchObject({ exitCode: 0, json: { jobs: 1, failed: 0 } });
    expect(await scene.job(snapshot.id)).toMatchObject({ state: 'succeeded' });
    expect(await scene.job(compare.id)).toMatchObject({ state: 'cancelled' });
    await addItem(url, 'shown-only-if-wanted');
    const order = { database: 'far', a: 'before-rows', b: 'live', data: true };
    const hidden = await scene.begin('/api/comparisons', order);
    expect(await once([])).toMatchObject({ exitCode: 0, json: { jobs: 1, failed: 0 } });
    const kept = JSON.stringify((await scene.until(hidden.id, 'succeeded')).result);
    expect(kept).toMatch(/"added":1/);
    expect(kept).not.toContain('shown-only-if-wanted');
    const open = await scene.begin('/api/comparisons', order);
    expect(await once(['--show-rows'])).toMatchObject({ exitCode: 0 });
    const shown = JSON.stringify((await scene.until(open.id, 'succeeded')).result);
    expect(shown).toContain('shown-only-if-wanted');
  });

  it('one that dies gives its job back; two never work on one database at once', async () => {
    await scene.gate.whileClosed(async (open) => {
      const first = await scene.agent('first', ['farther']);
      const one = await scene.begin('/api/checkpoint', { database: 'farther', tag: 'one' });
      await scene.gate.isReached();
      const second = await scene.agent('second', ['farther', 'farthest']);
      const two = await scene.begin('/api/checkpoint', { database: 'farther', tag: 'two' });
      // The second agent is at work on what came later: it was not for want of an agent that the other job waits.
      const beside = await scene.begin('/api/snapshots', { database: 'farthest', tag: 'beside' });
      expect(await scene.until(beside.id, 'succeeded')).toMatchObject({ worker: 'agent second' });
      expect(await scene.job(one.id)).toMatchObject({ state: 'running', worker: 'agent first' });
      expect(await scene.job(two.id)).toMatchObject({ state: 'queued' });
      first.kill('SIGKILL');
      expect(await first.ended).toBe('SIGKILL');
      await expect
        .poll(() => scene.job(one.id), { timeout: patienceMs, interval: 200 })
        .toMatchObject({ worker: 'agent second', attempt: 2 });
      open();
      const ended = [
        await scene.until(one.id, 'succeeded'),
        await scene.until(two.id, 'succeeded'),
      ];
      expect(ended).toMatchObject([
        { attempt: 2, worker: 'agent second', result: { tag: 'one', restore_drill: 'proven' } },
        { attempt: 1, worker: 'agent second', result: { tag: 'two', restore_drill: 'proven' } },
      ]);
      expect((ended[1]?.startedAt ?? '') >= (ended[0]?.finishedAt ?? '~')).toBe(true);
      const list = await (await scene.server.fetch('/api/snapshots?database=farther')).json();
      expect((list as { snapshots: { tag: string }[] }).snapshots.map(({ tag }) => tag)).toEqual([
        ...['two', 'one'],
      ]);
      second.kill('SIGTERM');
      expect(await second.ended).toBe(143);
    });
  });

  it('ends after the job that runs', async () => {
    await scene.gate.whileClosed(async (open) => {
      const agent = await scene.agent('leaving', ['farthest']);
      const job = await scene.begin('/api/checkpoint', { database: 'farthest', tag: 'last' });
      await scene.gate.isReached();
      agent.kill('SIGTERM');
      const later = await scene.begin('/api/snapshots', { database: 'farthest', tag: 'later' });
      open();
      expect(await scene.until(job.id, 'succeeded')).toMatchObject({ worker: 'agent leaving' });
      expect(await agent.ended).toBe(143);
      expect(await scene.job(later.id)).toMatchObject({ state: 'queued' });
      await scene.server.fetch(`/api/jobs/${later.id}/cancel`, { method: 'POST' });
    });
  });

  it('a job that is cancelled is ended where it runs', async () => {
    await scene.gate.whileClosed(async () => {
      const agent = await scene.agent('cancelled', ['farthest']);
      const job = await scene.begin('/api/checkpoint', { database: 'farthest', tag: 'unwanted' });
      await scene.gate.isReached();
      await scene.server.fetch(`/api/jobs/${job.id}/cancel`, { method: 'POST' });
      await scene.until(job.id, 'cancelled');
      agent.kill('SIGTERM');
      expect(await agent.ended).toBe(143);
    });
  });

  it('one whose token is revoked ends, and says why', async () => {
    const { server, urls } = scene;
    const made = await server.fetch('/api/tokens', {
      ...{ method: 'POST', body: { kind: 'agent', scopes: [], databases: ['farthest'] } },
    });
    const { token, record } = (await made.json()) as { token: string; record: { id: string } };
    const { startAgentProcess } = await import('../../support/agent-process.js');
    const agent = startAgentProcess({
      ...{ server: server.url, token, name: 'revoked', store: scene.store },
      databases: { farthest: urls.farthest as string },
    });
    await agent.ready;
    await server.fetch(`/api/tokens/${record.id}`, { method: 'DELETE' });
    expect(await agent.ended).toBe(6);
    expect(agent.output()).toContain('the token is wrong, expired or revoked');
    expect(agent.output()).not.toContain(token);
  });

  it('the list of agents names those that were heard', async () => {
    const answer = await scene.server.fetch('/api/agents');
    const { agents } = (await answer.json()) as { agents: { name: string }[] };
    expect(agents.map(({ name }) => name)).toEqual(expect.arrayContaining(['first', 'second']));
    const databases = await (await scene.server.fetch('/api/databases/farther')).json();
    expect(databases).toMatchObject({ kind: 'agent', agentSeenAt: expect.any(String) });
  });
});
