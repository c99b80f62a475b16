import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../../src/contract/job.js';
import { claimJob } from '../../../src/jobs/queue/claim-job.js';
import type { ClaimedJob } from '../../../src/jobs/queue/job-source.js';
import type { JobOrder } from '../../../src/jobs/queue/jobs.js';
import { finishJob, releaseJob, renewLease } from '../../../src/jobs/queue/leases.js';
import { Reaper } from '../../../src/jobs/queue/reaper.js';
import { startReaper } from '../../../src/jobs/queue/start-reaper.js';
import { failure } from '../../support/failure.js';
import { startThrowawayServer, testServers } from '../../support/servers.js';
import { checkpointOf, openScene, type QueueScene, register, restoreOf, until } from './scene.js';

const never = new AbortController().signal;

describe.each(testServers())('lost workers on $name', (server) => {
  let scene: QueueScene;
  beforeAll(async () => {
    scene = await openScene(server, [{ name: 'shop' }, { name: 'books' }]);
  });
  afterAll(() => scene.close());

  async function begin(order: JobOrder, leaseMs = 0): Promise<ClaimedJob> {
    const { id } = await scene.jobs.add(order);
    return take(id, leaseMs);
  }

  async function take(id: string, leaseMs = 0): Promise<ClaimedJob> {
    const job = await claimJob(scene.catalog, { worker: 'w', leaseMs });
    if (job?.id !== id) throw new Error('another job was there');
    return job;
  }

  it('gives a job back that may be begun again, three times at most', async () => {
    const reaper = new Reaper(scene.catalog, { graceMs: 0 });
    const { id } = await begin(checkpointOf('shop'));
    for (const attempt of [1, 2]) {
      expect(await reaper.look()).toEqual([]);
      expect(await reaper.look()).toEqual([id]);
      expect(await scene.jobs.get(id)).toMatchObject({ state: 'queued', worker: null, attempt });
      await take(id);
    }
    await reaper.look();
    expect(await reaper.look()).toEqual([id]);
    const job = await scene.jobs.get(id);
    expect(job).toMatchObject({ state: 'failed', attempt: 3, error: { code: 'WORKER_LOST' } });
    expect(job?.error?.hint).toBeTruthy();
    const states: JobEvent['event'][] = [];
    for await (const { event } of scene.jobs.follow(id, 0, never)) states.push(event);
    expect(states.map((event) => 'state' in event && event.state)).toEqual(
      'queued running queued running queued running failed'.split(' '),
    );
  });

  it('fails a job that must not be begun twice, and one who comes back changes nothing', async () => {
    const reaper = new Reaper(scene.catalog, { graceMs: 0 });
    const job = await begin(restoreOf('shop'));
    await reaper.look();
    expect(await reaper.look()).toEqual([job.id]);
    expect(await renewLease(scene.catalog, job)).toBe('lost');
    expect(await finishJob(scene.catalog, job, { state: 'succeeded', result: {} })).toBe(false);
    await releaseJob(scene.catalog, job, { code: 'BUG', kind: 'bug', message: 'x' });
    const kept = await scene.jobs.get(job.id);
    expect(kept).toMatchObject({ state: 'failed', error: { code: 'WORKER_LOST' } });
  });

  it('leaves a job alone whose lease was renewed', async () => {
    const reaper = new Reaper(scene.catalog, { graceMs: 0 });
    const job = await begin(restoreOf('shop'));
    for (let look = 0; look < 5; look += 1) {
      expect(await reaper.look()).toEqual([]);
      expect(await renewLease(scene.catalog, job)).toBe('renewed');
    }
    await finishJob(scene.catalog, job, { state: 'cancelled' });
  });

  it('waits for lease and grace, by a clock that nobody can set', async () => {
    const reaper = new Reaper(scene.catalog, { graceMs: 60_000 });
    const job = await begin(restoreOf('shop'), 60_000);
    await reaper.look();
    // A server whose clock has jumped by a day sees nothing else than others.
    await scene.catalog.query(
      `UPDATE belay_server.jobs SET created_at = created_at - interval '23 hours',
              started_at = started_at - interval '1 day' WHERE id = $1`,
      [job.id],
    );
    expect(await reaper.look()).toEqual([]);
    await finishJob(scene.catalog, job, { state: 'cancelled' });
  });

  it('cancels a lost job whose end was asked for', async () => {
    const reaper = new Reaper(scene.catalog, { graceMs: 0 });
    const { id } = await begin(checkpointOf('shop'));
    await scene.jobs.cancel(id);
    await reaper.look();
    await reaper.look();
    expect(await scene.jobs.get(id)).toMatchObject({ state: 'cancelled' });
  });

  it('lets one of several servers take each job', async () => {
    const others = [await scene.open(), await scene.open()];
    const reapers = [scene, ...others].map(({ catalog }) => new Reaper(catalog, { graceMs: 0 }));
    const job = await begin(checkpointOf('shop'));
    const other = await begin(checkpointOf('books'));
    await Promise.all(reapers.map((reaper) => reaper.look()));
    const taken = (await Promise.all(reapers.map((reaper) => reaper.look()))).flat();
    expect([...taken].sort()).toEqual([job.id, other.id].sort());
    for (const id of taken) await scene.jobs.cancel(id);
  });

  it('ends jobs that nobody will ever take', async () => {
    await register(scene.catalog, { name: 'gone' });
    await register(scene.catalog, { name: 'far', kind: 'agent' });
    const gone = await scene.jobs.add(checkpointOf('gone'));
    const far = await scene.jobs.add(checkpointOf('far'));
    await scene.catalog.query(`DELETE FROM belay_server.databases WHERE name = 'gone'`);
    await scene.catalog.query(
      `UPDATE belay_server.jobs SET created_at = created_at - interval '25 hours' WHERE id = $1`,
      [far.id],
    );
    await new Reaper(scene.catalog).look();
    expect(await scene.jobs.get(gone.id)).toMatchObject({
      ...{ state: 'failed', error: { code: 'DATABASE_NOT_REGISTERED', kind: 'user' } },
    });
    const late = await scene.jobs.get(far.id);
    expect(late).toMatchObject({ state: 'failed', error: { code: 'WORKER_LOST' } });
    expect(late?.error?.hint).toContain('agent');
  });

  it('looks again and again', async () => {
    const { id } = await begin(restoreOf('shop'));
    const reaper = startReaper(scene.catalog, { graceMs: 0, intervalMs: 20 });
    await until('it has failed', async () => (await scene.jobs.get(id))?.state === 'failed');
    await reaper.close();
  });
});

describe('a catalog that was away', () => {
  it('gives workers their time to come back', async () => {
    const server = await startThrowawayServer({ major: 15 });
    const scene = await openScene(server, [{ name: 'shop' }]);
    try {
      const { id } = await scene.jobs.add(restoreOf('shop'));
      const job = await claimJob(scene.catalog, { worker: 'w', leaseMs: 0 });
      const reaper = new Reaper(scene.catalog, { graceMs: 0 });
      await reaper.look();
      await server.stop();
      await failure(reaper.look(), 'CATALOG_UNAVAILABLE');
      await server.start();
      expect(await reaper.look()).toEqual([]);
      if (job) expect(await renewLease(scene.catalog, job)).toBe('renewed');
      expect(await reaper.look()).toEqual([]);
      expect(await reaper.look()).toEqual([id]);
    } finally {
      await scene.close();
      await server.remove();
    }
  });
});
