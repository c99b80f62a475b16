import { afterEach, describe, expect, it } from 'vitest';
import type { Job } from '../../../src/contract/job.js';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import { createTestDatabase } from '../../support/servers.js';
import { type AgentScene, openAgentScene, patienceMs } from './agent-scene.js';

const postgres = await findDumpableServer();

describe('a server that is started anew while an agent works', () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.reverse()) await end();
  }, patienceMs);

  it('gets the end of the job from the agent', { timeout: 2 * patienceMs }, async () => {
    const catalog = await createTestDatabase(postgres.server, { name: 'catalog' });
    ends.push(catalog.drop);
    const scene: AgentScene = await openAgentScene(postgres, ['far'], { catalogUrl: catalog.url });
    let isSceneOpen = true;
    ends.push(async () => {
      if (isSceneOpen) await scene.close();
    });
    const { port } = scene.server;
    await scene.gate.whileClosed(async (open) => {
      const agent = await scene.agent('patient', ['far']);
      const { id } = await scene.begin('/api/checkpoint', { database: 'far', tag: 'over-restart' });
      await scene.gate.isReached();
      await scene.server.close({ graceMs: 0 });
      const again: TestBelayServer = await startTestServer({ catalogUrl: catalog.url, port });
      ends.push(() => again.close({ graceMs: 0 }));
      const job = async () => (await (await again.fetch(`/api/jobs/${id}`)).json()) as Job;
      expect(await job()).toMatchObject({ state: 'running', attempt: 1, worker: 'agent patient' });
      open();
      await expect
        .poll(job, { timeout: patienceMs, interval: 300 })
        .toMatchObject({ state: 'succeeded', attempt: 1, worker: 'agent patient' });
      agent.kill('SIGTERM');
      expect(await agent.ended).toBe(143);
    });
    isSceneOpen = false;
    await scene.close();
  });
});
