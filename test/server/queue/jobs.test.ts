import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../../src/contract/job.js';
import { claimFor, claimJob } from '../../../src/jobs/queue/claim-job.js';
import { cleanOldJobs } from '../../../src/jobs/queue/clean-old-jobs.js';
import { withIdempotencyKey } from '../../../src/jobs/queue/idempotency.js';
import { finishJob, renewLease, reportEvents } from '../../../src/jobs/queue/leases.js';
import { listWorkers, noteWorker } from '../../../src/jobs/queue/workers.js';
import { failure } from '../../support/failure.js';
import { testServers } from '../../support/servers.js';
import { caller, checkpointOf, driftOf, openScene, type QueueScene, restoreOf } from './scene.js';

const never = new AbortController().signal;

describe.each(testServers())('the queue on $name', (server) => {
  let scene: QueueScene;
  beforeAll(async () => {
    const names = ['shop', 'books', 'music', 'list', 'paged', 'agreed', 'keyed', 'cleaned', 'odd'];
    scene = await openScene(server, [
      ...names.map((name) => ({ name })),
      { name: 'shop-again', key: 'shop' },
      { name: 'far', kind: 'agent' },
      { name: 'farther', kind: 'agent' },
    ]);
  });
  afterAll(() => scene.close());

  it('keeps a job as it was asked for', async () => {
    const job = await scene.jobs.add(checkpointOf('odd', 'pre-deploy'));
    expect(job).toMatchObject({
      database: 'odd',
      type: 'checkpoint',
      state: 'queued',
      requestedBy: 'token deploy (tok_1)',
      input: { tag: 'pre-deploy' },
      ...{ result: null, error: null, step: null, worker: null, attempt: 0 },
      ...{ startedAt: null, finishedAt: null },
    });
    expect(job.id).toMatch(/^job_[0-9a-z]{25}$/);
    expect(await scene.jobs.get(job.id)).toEqual(job);
    expect(await scene.jobs.cancel(job.id)).toMatchObject({ state: 'cancelled' });
  });

  it('keeps every text, also what PostgreSQL does not take as text', async () => {
    const text = 'quote \' " \\ \0 end \ud800 \u{1f9d7}';
    const { id } = await scene.jobs.add({
      ...checkpointOf('odd'),
      input: { tag: 'x', description: text },
    });
    const job = await claimJob(scene.catalog, { worker: 'w' });
    if (job?.id !== id) throw new Error('another job was there');
    await reportEvents(scene.catalog, job, [{ type: 'step', name: text }]);
    await finishJob(scene.catalog, job, { state: 'succeeded', result: { text, big: 12n } });
    const kept = await scene.jobs.get(id);
    expect(kept).toMatchObject({ input: { description: text }, result: { text, big: '12' } });
    expect(kept?.step).not.toContain('\0');
    const events: JobEvent[] = [];
    for await (const event of scene.jobs.follow(id, 0, never)) events.push(event);
    expect(events[2]?.event).toEqual({ type: 'step', name: text });
  });

  it('does not know other ids, whatever they are', async () => {
    for (const id of ['', '\0', "job_' OR true --", `job_${'0'.repeat(25)}`]) {
      expect(await scene.jobs.get(id)).toBeUndefined();
      await failure(scene.jobs.cancel(id), 'JOB_NOT_FOUND');
      await failure(scene.jobs.wait(id, never), 'JOB_NOT_FOUND');
      await failure(
        scene.jobs.follow(id, 0, never)[Symbol.asyncIterator]().next(),
        'JOB_NOT_FOUND',
      );
    }
  });

  it('refuses a database that is not registered', async () => {
    await failure(scene.jobs.add(checkpointOf('nobody')), 'DATABASE_NOT_REGISTERED');
  });

  it('lists the newest first, filtered, page by page', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      ids.unshift((await scene.jobs.add(checkpointOf('paged'))).id);
    }
    const first = await scene.jobs.list({ databases: ['paged'], limit: 2 });
    expect(first.jobs.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const second = await scene.jobs.list({
      ...{ databases: ['paged'], limit: 3 },
      cursor: first.next ?? '',
    });
    expect(second.jobs.map(({ id }) => id)).toEqual(ids.slice(2));
    expect(second.next).toBeNull();
    for (const id of ids) await scene.jobs.cancel(id);
    const count = async (filter: Parameters<typeof scene.jobs.list>[0]) =>
      (await scene.jobs.list({ databases: ['paged'], ...filter })).jobs.length;
    expect(await count({ states: ['queued'] })).toBe(0);
    expect(await count({ states: ['cancelled'] })).toBe(5);
    expect(await count({ callerId: 'tok_other' })).toBe(0);
    expect(await count({ callerId: 'tok_1' })).toBe(5);
    expect(await count({ types: ['restore'] })).toBe(0);
    expect(await count({ databases: [] })).toBe(0);
    for (const cursor of ['-1', 'x', '1; SELECT 1', '9'.repeat(40)]) {
      await failure(scene.jobs.list({ cursor }), 'BAD_REQUEST');
    }
    await failure(scene.jobs.list({ limit: 201 }), 'BAD_REQUEST');
  });

  it('lets jobs of one target run one after another, in their order, and others beside them', async () => {
    const take = () => claimJob(scene.catalog, { worker: 'w' });
    const a = await scene.jobs.add(checkpointOf('shop'));
    const b = await scene.jobs.add(restoreOf('shop-again'));
    const c = await scene.jobs.add(driftOf('shop'));
    const d = await scene.jobs.add(checkpointOf('books'));
    const taken = [await take(), await take(), await take()];
    expect(taken.map((job) => job?.id)).toEqual([a.id, c.id, d.id]);
    expect(await take()).toBeUndefined();
    expect(taken[0]).toMatchObject({ state: 'running', worker: 'w', attempt: 1 });
    const [first] = taken;
    if (first) await finishJob(scene.catalog, first, { state: 'succeeded', result: {} });
    const next = await take();
    expect(next?.id).toBe(b.id);
    for (const job of [taken[1], taken[2], next]) {
      if (job) await finishJob(scene.catalog, job, { state: 'cancelled' });
    }
  });

  it('has an index that keeps two jobs of one target from running, were the order ever wrong', async () => {
    const one = await scene.jobs.add(checkpointOf('music'));
    await scene.jobs.add(checkpointOf('music'));
    const job = await claimJob(scene.catalog, { worker: 'w' });
    expect(job?.id).toBe(one.id);
    const second = scene.catalog.query(
      `UPDATE belay_server.jobs SET state = 'running', lease = 'x', exclusive_key = 'music'
        WHERE state = 'queued' AND database = 'music'`,
    );
    expect((await failure(second, 'DATABASE_ERROR')).details.sqlState).toBe('23505');
    if (job) await finishJob(scene.catalog, job, { state: 'cancelled' });
    const [waiting] = (await scene.jobs.list({ databases: ['music'], states: ['queued'] })).jobs;
    await scene.jobs.cancel(waiting?.id ?? '');
  });

  it('gives agents the jobs of their databases, and servers those of theirs', async () => {
    const far = await scene.jobs.add(checkpointOf('far'));
    expect(await claimJob(scene.catalog, { worker: 'w' })).toBeUndefined();
    const asAgent = (databases: string[]) =>
      claimFor({ catalog: scene.catalog, worker: 'a', databases, waitMs: 0, signal: never });
    expect(await asAgent(['farther', 'shop'])).toBeUndefined();
    const job = await asAgent(['farther', 'far']);
    expect(job?.id).toBe(far.id);
    if (job) await finishJob(scene.catalog, job, { state: 'cancelled' });
    await failure(asAgent([]), 'USAGE');
  });

  it('wakes one who waits for a job', async () => {
    const other = await scene.open();
    const waiting = claimFor({
      ...{ catalog: other.catalog, worker: 'a', databases: ['farther'] },
      ...{ waitMs: 60_000, signal: never },
    });
    const { id } = await scene.jobs.add(checkpointOf('farther'));
    const job = await waiting;
    expect(job?.id).toBe(id);
    if (job) await finishJob(scene.catalog, job, { state: 'succeeded', result: 1 });
  });

  it('takes nothing from one who has lost the job', async () => {
    const { id } = await scene.jobs.add(checkpointOf('list'));
    const job = await claimJob(scene.catalog, { worker: 'w' });
    if (job?.id !== id) throw new Error('another job was there');
    const other = { id, lease: 'another' };
    expect(await renewLease(scene.catalog, other)).toBe('lost');
    expect(await finishJob(scene.catalog, other, { state: 'cancelled' })).toBe(false);
    await reportEvents(scene.catalog, other, [{ type: 'note', message: 'from nowhere' }]);
    expect(await renewLease(scene.catalog, job)).toBe('renewed');
    expect(await scene.jobs.cancel(id)).toMatchObject({ state: 'running' });
    expect(await renewLease(scene.catalog, job)).toBe('cancel');
    expect(await finishJob(scene.catalog, job, { state: 'succeeded', result: { tag: 'x' } })).toBe(
      true,
    );
    expect(await finishJob(scene.catalog, job, { state: 'cancelled' })).toBe(false);
    expect(await scene.jobs.get(id)).toMatchObject({ state: 'succeeded', result: { tag: 'x' } });
    const over = await failure(scene.jobs.cancel(id), 'JOB_OVER');
    expect(over.message).toContain('succeeded');
  });

  it('tells the story of a job to one who follows, and goes on where one was cut off', async () => {
    const { id } = await scene.jobs.add(checkpointOf('books'));
    const other = await scene.open();
    const seen: JobEvent[] = [];
    const following = (async () => {
      for await (const event of other.jobs.follow(id, 0, never)) seen.push(event);
    })();
    const waiting = other.jobs.wait(id, never);
    const job = await claimJob(scene.catalog, { worker: 'w' });
    if (job?.id !== id) throw new Error('another job was there');
    for (let step = 0; step < 3; step += 1) {
      await reportEvents(scene.catalog, job, [
        { type: 'step', name: `step ${step}` },
        { type: 'step-done', name: `step ${step}`, durationMs: 1 },
      ]);
    }
    expect(await scene.jobs.get(id)).toMatchObject({ step: 'step 2' });
    await finishJob(scene.catalog, job, { state: 'succeeded', result: {} });
    await following;
    expect(seen.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(seen.at(-1)?.event).toEqual({ type: 'state', state: 'succeeded', worker: 'w' });
    expect(await waiting).toMatchObject({ id, state: 'succeeded' });
    const rest: number[] = [];
    for await (const { seq } of scene.jobs.follow(id, 6, never)) rest.push(seq);
    expect(rest).toEqual([7, 8, 9]);
  });

  it('stops waiting and following at an abort', async () => {
    const { id } = await scene.jobs.add(checkpointOf('agreed'));
    const ending = new AbortController();
    const waiting = scene.jobs.wait(id, ending.signal);
    const following = (async () => {
      for await (const _ of scene.jobs.follow(id, 0, ending.signal));
    })();
    ending.abort();
    expect(await waiting).toMatchObject({ id, state: 'queued' });
    await following;
    await scene.jobs.cancel(id);
  });

  it('begins a job once for a key, of many that come at once too', async () => {
    const other = await scene.open();
    const key = { key: 'k-1', callerId: caller.id, requestHash: 'h' };
    const begin = (one: { jobs: typeof scene.jobs; catalog: typeof scene.catalog }, hash = 'h') =>
      withIdempotencyKey(one.catalog, { ...key, requestHash: hash }, async (idempotency) => ({
        jobId: (await one.jobs.add({ ...checkpointOf('keyed'), idempotency })).id,
      }));
    const many = Array.from({ length: 20 }, (_, index) => begin(index % 2 ? scene : other));
    const ids = new Set((await Promise.all(many)).map(({ jobId }) => jobId));
    expect(ids.size).toBe(1);
    expect((await scene.jobs.list({ databases: ['keyed'] })).jobs).toHaveLength(1);
    await failure(begin(scene, 'another'), 'IDEMPOTENCY_KEY_REUSED');
    const [id = ''] = ids;
    await scene.jobs.cancel(id);
    expect(await begin(scene)).toEqual({ jobId: id });
    const asOther = withIdempotencyKey(
      scene.catalog,
      { ...key, callerId: 'tok_2' },
      async (idempotency) => {
        const order = { ...checkpointOf('keyed'), idempotency };
        return {
          jobId: (await scene.jobs.add({ ...order, caller: { ...caller, id: 'tok_2' } })).id,
        };
      },
    );
    const { jobId } = await asOther;
    expect(jobId).not.toBe(id);
    await scene.jobs.cancel(jobId);
    const forgetful = withIdempotencyKey(scene.catalog, { ...key, key: 'k-2' }, async () => ({
      jobId: id,
    }));
    await failure(forgetful, 'BUG');
  });

  it('forgets what ended long ago, and nothing else', async () => {
    const add = async () => (await scene.jobs.add(checkpointOf('cleaned'))).id;
    const [old, recent, waiting] = [await add(), await add(), await add()];
    for (const id of [old, recent]) await scene.jobs.cancel(id);
    const age = (id: string, days: number) =>
      scene.catalog.query(
        `UPDATE belay_server.jobs SET created_at = created_at - make_interval(days => $2),
                finished_at = finished_at - make_interval(days => $2) WHERE id = $1`,
        [id, days],
      );
    await age(old, 91);
    await age(recent, 89);
    await age(waiting, 200);
    await noteWorker(scene.catalog, 'old', 'agent');
    await noteWorker(scene.catalog, 'young', 'server');
    await scene.catalog.query(
      `UPDATE belay_server.workers SET seen_at = seen_at - interval '8 days' WHERE name = 'old'`,
    );
    await cleanOldJobs(scene.catalog);
    expect(await scene.jobs.get(old)).toBeUndefined();
    expect(await scene.jobs.get(recent)).toBeDefined();
    expect(await scene.jobs.get(waiting)).toBeDefined();
    const names = (await listWorkers(scene.catalog)).map(({ name }) => name);
    expect(names).toContain('young');
    expect(names).not.toContain('old');
    await scene.jobs.cancel(waiting);
  });
});
