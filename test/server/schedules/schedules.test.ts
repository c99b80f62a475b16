import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openSchedules } from '../../../src/jobs/schedules/open-schedules.js';
import type { NewSchedule } from '../../../src/jobs/schedules/schedules.js';
import { startScheduler } from '../../../src/jobs/schedules/start-scheduler.js';
import { startUpkeep } from '../../../src/jobs/schedules/start-upkeep.js';
import { openParts, register, resultOf, type ServerParts } from '../../support/server-parts.js';
import { type TestDatabase, testServers } from '../../support/servers.js';
import { createShop, databasesOf, failure, run } from '../../support/targets.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const admin = { kind: 'person', id: 'per_1', name: 'ada' } as const;
const poll = { timeout: 60_000 };

describe.each(testServers())('schedules on $name', (server) => {
  let parts: ServerParts;
  let shop: TestDatabase;
  let schedules: ReturnType<typeof openSchedules>;
  const servers: ServerParts[] = [];

  beforeAll(async () => {
    parts = await openParts(server, { queueLimit: 50 });
    shop = await createShop(server);
    await register(parts, shop, 'shop');
    await register(parts, shop, 'prod', 'production');
    schedules = openSchedules(parts);
    for (let count = 0; count < 2; count += 1) {
      servers.push(await openParts(server, { beside: parts }));
    }
  });
  afterAll(async () => {
    await shop?.drop();
    for (const one of servers) await one.close();
    await parts?.close();
  });

  afterEach(async () => {
    // Nobody does these jobs: they would fill the queue.
    const { jobs } = await parts.jobs.list({ states: ['queued'], limit: 200 });
    for (const job of jobs) await parts.jobs.cancel(job.id);
    await run(parts.catalogUrl, 'DELETE FROM belay_server.schedules');
  });

  const nightly: NewSchedule = {
    ...{ database: 'shop', name: 'nightly', cron: '0 3 * * *', type: 'checkpoint' },
    input: { tag: 'nightly-{date}' },
  };
  const create = (order: Partial<NewSchedule>) =>
    schedules.create({ ...nightly, ...order } as NewSchedule, admin);
  const jobsOf = async (id: string) => (await parts.jobs.list({ callerId: id, limit: 200 })).jobs;
  /** As if its time had come so long ago. */
  const makeDue = (id: string, ago = '1 second') =>
    run(
      parts.catalogUrl,
      `UPDATE belay_server.schedules SET next_at = date_trunc('second', clock_timestamp()) - interval '${ago}' WHERE id = '${id}'`,
    );
  /** All three servers begin what is due, until work is over. */
  async function whileScheduling<T>(work: () => Promise<T>): Promise<T> {
    const errors: Error[] = [];
    const running = [parts, ...servers].map(({ catalog, jobs }) =>
      startScheduler({ catalog, jobs, lookEveryMs: 200, onError: (error) => errors.push(error) }),
    );
    try {
      return await work();
    } finally {
      await Promise.all(running.map((one) => one.close()));
      expect(errors).toEqual([]);
    }
  }

  it('are made, shown, changed and removed', async () => {
    const made = await create({ timezone: 'Europe/Berlin' });
    expect(made).toMatchObject({
      ...{ database: 'shop', name: 'nightly', type: 'checkpoint', enabled: true, lastJob: null },
      ...{ createdBy: 'person ada (per_1)', input: { tag: 'nightly-{date}' }, problem: null },
    });
    expect(Date.parse(made.nextAt ?? '')).toBeGreaterThan(Date.now());
    expect(await schedules.get(made.id)).toEqual(made);
    const off = await schedules.change(made.id, {
      enabled: false,
      name: 'weekly',
      cron: '@weekly',
    });
    expect(off).toMatchObject({ enabled: false, name: 'weekly', nextAt: null });
    const on = await schedules.change(made.id, { enabled: true });
    expect(on.nextAt).not.toBeNull();
    expect(await schedules.list(['shop'])).toEqual([on]);
    expect(await schedules.list(['other'])).toEqual([]);
    await schedules.remove(made.id);
    await failure(schedules.remove(made.id), 'SCHEDULE_NOT_FOUND');
    await failure(schedules.change(made.id, {}), 'SCHEDULE_NOT_FOUND');
    await failure(schedules.runNow(made.id), 'SCHEDULE_NOT_FOUND');
  });

  it.each([
    { cron: '61 * * * *' },
    { timezone: 'Nowhere' },
    { name: ' ' },
    { name: 'two\nlines' },
    { input: { tag: 'always-the-same' } },
    { input: { tag: 'bad tag {date}' } },
    { input: { unknown: true } },
    { type: 'snapshot', input: {} },
    { type: 'restore', input: { reference: 'x' } },
    { type: 'prune', input: { keepWithin: 'soon' } },
    { type: 'drill-old', input: {} },
  ] as Partial<NewSchedule>[])('refuses %j', async (order) => {
    await failure(create(order), 'BAD_SCHEDULE');
  });

  it('refuses what has no database, and to delete from production without its name', async () => {
    await failure(create({ database: 'nothing' }), 'DATABASE_NOT_REGISTERED');
    const prune = { database: 'prod', type: 'prune', cron: '@daily' } as const;
    const error = await failure(create({ ...prune, input: { keepLast: 3 } }), 'NOT_CONFIRMED');
    expect(error.hint).toContain('"confirm": "prod"');
    const made = await create({ ...prune, input: { keepLast: 3, confirm: 'prod' } });
    await failure(schedules.change(made.id, { input: { keepLast: 3 } }), 'NOT_CONFIRMED');
    await schedules.remove(made.id);
  });

  it('begin each occurrence once, whichever of three servers is first', async () => {
    const made = await Promise.all(
      Array.from({ length: 5 }, (_, at) => create({ name: `due ${at}`, type: 'drift', input: {} })),
    );
    for (const { id } of made) await makeDue(id);
    await whileScheduling(async () => {
      for (const { id } of made) {
        await expect.poll(async () => (await schedules.get(id))?.lastJob, poll).not.toBeNull();
      }
    });
    for (const { id } of made) {
      const jobs = await jobsOf(id);
      expect(jobs).toHaveLength(1);
      expect(jobs[0]).toMatchObject({ type: 'drift', requestedBy: expect.stringContaining(id) });
      const now = await schedules.get(id);
      expect(Date.parse(now?.nextAt ?? '')).toBeGreaterThan(Date.now() - 60_000);
      await schedules.remove(id);
    }
  });

  it('begin what was missed once, and not as often as it was missed', async () => {
    const { id } = await create({ name: 'hourly', cron: '0 * * * *', type: 'drift', input: {} });
    await makeDue(id, '10 days');
    await whileScheduling(async () => {
      await expect.poll(async () => (await jobsOf(id)).length, poll).toBe(1);
      // The job is there a moment before the schedule has its next time.
      const nextAt = async () => Date.parse((await schedules.get(id))?.nextAt ?? '');
      await expect.poll(nextAt, poll).toBeGreaterThan(Date.now() - 60_000);
    });
    expect(await jobsOf(id)).toHaveLength(1);
    await schedules.remove(id);
  });

  it('begin again and again', async () => {
    const { id } = await create({ name: 'often', cron: '* * * * * *', type: 'drift', input: {} });
    await whileScheduling(async () => {
      await expect.poll(async () => (await jobsOf(id)).length, poll).toBeGreaterThanOrEqual(3);
      await schedules.remove(id);
    });
    const keys = (await jobsOf(id)).map((job) => job.id);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('give their job its tag, and can be run at once', async () => {
    const { id } = await create({ type: 'snapshot', input: { tag: 'daily/{time}' } });
    const before = (await schedules.get(id))?.nextAt;
    const job = await schedules.runNow(id);
    expect(job.input.tag).toMatch(/^daily\/\d{8}-\d{6}$/);
    expect(await schedules.get(id)).toMatchObject({
      lastJob: { id: job.id, state: 'queued' },
      nextAt: before,
    });
    const { requestedBy } = job;
    const taken = await resultOf(
      parts.run('shop', 'snapshot', { tag: String(job.input.tag) }, { id: job.id, requestedBy }),
    );
    expect(taken).toMatchObject({ reason: 'schedule', job: job.id });
    await parts.jobs.cancel(job.id);
    await schedules.remove(id);
  });

  it('wait where the queue is full, and say so', async () => {
    const small = await openParts(server, { beside: parts, queueLimit: 1 });
    const order = { database: 'shop', type: 'drift', input: {}, caller: admin } as const;
    const first = await parts.jobs.add(order);
    const { id } = await create({ name: 'patient', type: 'drift', input: {} });
    await makeDue(id);
    const running = startScheduler({ catalog: small.catalog, jobs: small.jobs, lookEveryMs: 200 });
    try {
      await expect.poll(async () => (await schedules.get(id))?.problem, poll).toContain('queue');
      expect(await jobsOf(id)).toEqual([]);
      await parts.jobs.cancel(first.id);
      await expect.poll(async () => (await jobsOf(id)).length, poll).toBe(1);
      expect(await schedules.get(id)).toMatchObject({ problem: null });
    } finally {
      await running.close();
      await small.close();
    }
  });

  it('are no more than people can look after', async () => {
    await run(
      parts.catalogUrl,
      `INSERT INTO belay_server.schedules (id, database, name, cron, timezone, type, input, enabled, created_by)
       SELECT 'sch_' || n, 'shop', 'many', '@daily', 'UTC', 'drift', '{}', false, 'test' FROM generate_series(1, 199) n`,
    );
    const orders = Array.from({ length: 4 }, () => create({}));
    const made = await Promise.allSettled(orders);
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('go with their database', async () => {
    await parts.databases.add({ name: 'brief', kind: 'agent' });
    const { id } = await create({ database: 'brief' });
    await parts.databases.remove('brief');
    expect(await schedules.get(id)).toBeUndefined();
  });

  it('leave branches to the upkeep, which removes those whose time is over', async () => {
    const branch = { name: 'brief', ttl: '1ms' };
    const kept = { name: 'kept' };
    for (const input of [branch, kept]) await resultOf(parts.run('shop', 'branch-create', input));
    const removed: string[] = [];
    const errors: Error[] = [];
    const upkeep = startUpkeep({
      ...{ catalog: parts.catalog, databases: parts.databases, env: parts.env },
      ...{ idleEveryMs: 200, expiredEveryMs: 500 },
      onRemoved: (name, branches) => removed.push(...branches.map((one) => `${name} ${one.name}`)),
      onError: (_database, error) => errors.push(error),
    });
    try {
      await expect.poll(() => removed.map((one) => one.split(' ')[1]), poll).toEqual(['brief']);
    } finally {
      await upkeep.close();
    }
    expect(errors).toEqual([]);
    const { branches } = await parts.inventories.read('shop', 0);
    expect(branches.map(({ name }) => name)).toEqual(['kept']);
    await resultOf(parts.run('shop', 'branch-delete', { name: 'kept' }));
    expect((await databasesOf(server, shop.name)).length).toBeGreaterThan(0);
  });
});
