import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../../src/contract/job.js';
import { BelayError } from '../../../src/errors.js';
import { catalogSource } from '../../../src/jobs/queue/catalog-source.js';
import type { JobOutcome, JobSource, RunJob } from '../../../src/jobs/queue/job-source.js';
import { Reaper } from '../../../src/jobs/queue/reaper.js';
import { type RunningWorker, startWorker } from '../../../src/jobs/queue/start-worker.js';
import { listWorkers } from '../../../src/jobs/queue/workers.js';
import { startThrowawayServer, testServers } from '../../support/servers.js';
import { checkpointOf, driftOf, openScene, type QueueScene, restoreOf, until } from './scene.js';

const never = new AbortController().signal;
const done: JobOutcome = { state: 'succeeded', result: { ok: true } };

/** Runs until it is let go, or aborted. */
function held() {
  const begun: string[] = [];
  let letGo = () => {};
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const run: RunJob = async (job, { signal }) => {
    begun.push(job.id);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });
    await Promise.race([released, aborted]);
    return done;
  };
  return { run, begun, letGo: () => letGo() };
}

describe.each(testServers())('a worker on $name', (server) => {
  let scene: QueueScene;
  let workers: RunningWorker[] = [];
  beforeAll(async () => {
    const names = ['shop', 'books', 'music', 'films'];
    scene = await openScene(
      server,
      names.map((name) => ({ name })),
    );
  });
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.close(0)));
    workers = [];
    const { jobs } = await scene.jobs.list({ states: ['queued'] });
    for (const { id } of jobs) await scene.jobs.cancel(id);
  });
  afterAll(() => scene.close());

  function start(run: RunJob, change: Partial<JobSource> = {}, renewMs = 100): RunningWorker {
    const source = catalogSource({ catalog: scene.catalog, worker: 'rope', kinds: 'direct' });
    const worker = startWorker({ source: { ...source, ...change }, run, renewMs });
    workers.push(worker);
    return worker;
  }

  const isRunning = (id: string) =>
    until('it runs', async () => (await scene.jobs.get(id))?.state === 'running');

  it('does what waits and what comes, and tells how it goes', async () => {
    const before = await scene.jobs.add(checkpointOf('shop'));
    start(async (job, { report }) => {
      report({ type: 'step', name: 'dump', detail: job.database });
      report({ type: 'step-done', name: 'dump', durationMs: 3 });
      return done;
    });
    const after = await scene.jobs.add(checkpointOf('books'));
    for (const { id } of [before, after]) {
      const job = await scene.jobs.wait(id, never);
      expect(job).toMatchObject({ state: 'succeeded', result: { ok: true }, step: 'dump' });
      expect(job).toMatchObject({ worker: 'rope', attempt: 1, error: null });
      expect(job.finishedAt).not.toBeNull();
    }
    const events: JobEvent['event'][] = [];
    for await (const { event } of scene.jobs.follow(after.id, 0, never)) events.push(event);
    expect(events).toEqual([
      { type: 'state', state: 'queued', worker: null },
      { type: 'state', state: 'running', worker: 'rope' },
      { type: 'step', name: 'dump', detail: 'books' },
      { type: 'step-done', name: 'dump', durationMs: 3 },
      { type: 'state', state: 'succeeded', worker: 'rope' },
    ]);
    expect(await listWorkers(scene.catalog)).toMatchObject([{ name: 'rope', kind: 'server' }]);
  });

  it('tells what went wrong, with its code, and goes on', async () => {
    start(async ({ input }) => {
      if ('tag' in input && input.tag === 'taken') {
        throw new BelayError('TAG_EXISTS', 'the tag "taken" exists', { hint: 'Choose another.' });
      }
      if ('tag' in input && input.tag === 'odd') throw new RangeError('not foreseen');
      if ('tag' in input && input.tag === 'endless') {
        const endless: Record<string, unknown> = {};
        endless.self = endless;
        return { state: 'succeeded', result: endless };
      }
      return {
        state: 'failed',
        error: { code: 'NOT_PROVEN', kind: 'environment', message: 'no' },
        result: 7,
      };
    });
    const end = async (tag: string) =>
      scene.jobs.wait((await scene.jobs.add(checkpointOf('shop', tag))).id, never);
    expect(await end('taken')).toMatchObject({
      state: 'failed',
      error: { code: 'TAG_EXISTS', kind: 'user', hint: 'Choose another.' },
    });
    expect(await end('odd')).toMatchObject({ state: 'failed', error: { code: 'BUG' } });
    expect(await end('endless')).toMatchObject({ state: 'failed', error: { code: 'BUG' } });
    const unproven = await end('unproven');
    expect(unproven).toMatchObject({ state: 'failed', error: { code: 'NOT_PROVEN' }, result: 7 });
  });

  it('runs no more at once than it may', async () => {
    const { run, begun, letGo } = held();
    let now = 0;
    let most = 0;
    start(async (job, options) => {
      now += 1;
      most = Math.max(most, now);
      const outcome = await run(job, options);
      now -= 1;
      return outcome;
    });
    const added = await Promise.all(
      Array.from({ length: 12 }, () => scene.jobs.add(driftOf('shop'))),
    );
    await until('two have begun', () => begun.length === 2);
    letGo();
    for (const { id } of added) await scene.jobs.wait(id, never);
    expect(most).toBe(2);
  });

  it('stops a job that is cancelled', async () => {
    const { run, begun } = held();
    start(run);
    const { id } = await scene.jobs.add(restoreOf('shop'));
    await isRunning(id);
    await until('it has begun', () => begun.length > 0);
    await scene.jobs.cancel(id);
    expect(await scene.jobs.wait(id, never)).toMatchObject({ state: 'cancelled', result: null });
  });

  it('does not undo what was done when it is cancelled too late', async () => {
    const { run, letGo } = held();
    start((job, options) => run(job, { ...options, signal: never }));
    const { id } = await scene.jobs.add(restoreOf('shop'));
    await isRunning(id);
    await scene.jobs.cancel(id);
    letGo();
    expect(await scene.jobs.wait(id, never)).toMatchObject({ state: 'succeeded' });
  });

  it('waits for its jobs when it is closed, and takes no more', async () => {
    const { run, begun, letGo } = held();
    const worker = start(run);
    const first = await scene.jobs.add(checkpointOf('shop'));
    const second = await scene.jobs.add(checkpointOf('shop'));
    await until('it has begun', () => begun.length === 1);
    const closing = worker.close(60_000);
    letGo();
    await closing;
    expect(begun).toEqual([first.id]);
    expect(await scene.jobs.get(first.id)).toMatchObject({ state: 'succeeded' });
    expect(await scene.jobs.get(second.id)).toMatchObject({ state: 'queued' });
  });

  it('gives back what it cannot wait for', async () => {
    const { run, begun } = held();
    const worker = start(run);
    const again = await scene.jobs.add(checkpointOf('shop'));
    const once = await scene.jobs.add(restoreOf('books'));
    await until('both have begun', () => begun.length === 2);
    await worker.close(0);
    expect(await scene.jobs.get(again.id)).toMatchObject({ state: 'queued', attempt: 1 });
    const failed = await scene.jobs.get(once.id);
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'INTERRUPTED' } });
  });

  it('stops a job that somebody else has, and says nothing of it', async () => {
    const { run, begun } = held();
    const ended: unknown[] = [];
    const renewing = { holds: true };
    const source = catalogSource({ catalog: scene.catalog, worker: 'rope', kinds: 'direct' });
    start(
      async (job, options) => {
        try {
          return await run(job, options);
        } catch (error) {
          ended.push(error);
          throw error;
        }
      },
      {
        renew: async (job) => {
          if (begun.length > 0 && renewing.holds) throw new BelayError('SERVER_GONE', 'cut off');
          return source.renew(job);
        },
      },
    );
    const { id } = await scene.jobs.add(restoreOf('shop'));
    await until('it has begun', () => begun.length === 1);
    // Another server has seen no renewal for too long.
    await scene.catalog.query('UPDATE belay_server.jobs SET lease_ms = 0 WHERE id = $1', [id]);
    const reaper = new Reaper(scene.catalog, { graceMs: 0 });
    await reaper.look();
    expect(await reaper.look()).toEqual([id]);
    renewing.holds = false;
    await until('it has stopped', () => ended.length === 1);
    const job = await scene.jobs.get(id);
    expect(job).toMatchObject({ state: 'failed', error: { code: 'WORKER_LOST' } });
  });

  it('stops by itself when its lease is surely over', async () => {
    const { run, begun } = held();
    const source = catalogSource({
      ...{ catalog: scene.catalog, worker: 'rope', kinds: 'direct' },
      leaseMs: 1_000,
    });
    const away = new BelayError('CATALOG_UNAVAILABLE', 'away');
    start(run, {
      claim: source.claim,
      // Once it has begun, the first attempt gets no answer any more.
      renew: async (job) =>
        job.attempt === 1 && begun.length > 0 ? Promise.reject(away) : source.renew(job),
    });
    const { id } = await scene.jobs.add(checkpointOf('shop'));
    // It goes back without any reaper: the worker itself has given it up and could say so.
    await until('it has begun twice', () => begun.length >= 2);
    expect(begun[1]).toBe(id);
    expect(await scene.jobs.get(id)).toMatchObject({ id });
  });
});

describe('a catalog that is restarted', () => {
  it('neither ends nor loses a job', async () => {
    const server = await startThrowawayServer({ major: 15 });
    const scene = await openScene(server, [{ name: 'shop' }, { name: 'books' }]);
    const { run, begun, letGo } = held();
    const problems: unknown[] = [];
    const worker = startWorker({
      source: catalogSource({
        catalog: scene.catalog,
        worker: 'rope',
        kinds: 'direct',
        leaseMs: 60_000,
      }),
      run: async (job, options) => {
        options.report({ type: 'note', message: 'before' });
        const outcome = await run(job, options);
        options.report({ type: 'note', message: 'after' });
        return outcome;
      },
      renewMs: 200,
      onError: (error) => problems.push(error),
    });
    try {
      const { id } = await scene.jobs.add(restoreOf('shop'));
      const waiting = scene.jobs.wait(id, never);
      const notes: string[] = [];
      const following = (async () => {
        for await (const { event } of scene.jobs.follow(id, 0, never)) {
          if (event.type === 'note') notes.push(event.message);
        }
      })();
      await until('its first word is there', () => notes.length === 1);
      await server.stop();
      await until('the worker has seen it', () => problems.length > 0);
      letGo();
      await server.start();
      expect(await waiting).toMatchObject({ state: 'succeeded', attempt: 1 });
      await following;
      expect(notes).toEqual(['before', 'after']);
      expect(begun).toEqual([id]);
      const next = await scene.jobs.add(checkpointOf('books'));
      expect(await scene.jobs.wait(next.id, never)).toMatchObject({ state: 'succeeded' });
    } finally {
      await worker.close(0);
      await scene.close();
      await server.remove();
    }
  });
});
