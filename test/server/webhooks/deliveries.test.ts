import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { BelayError } from '../../../src/errors.js';
import type { JobOutcome } from '../../../src/jobs/queue/job-source.js';
import { openSecrets } from '../../../src/jobs/secrets/open-secrets.js';
import { testServers } from '../../support/servers.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { checkpointOf, driftOf } from '../queue/scene.js';
import { isSigned, startReceiver } from './receiver.js';
import { until, useWebhooks } from './scene.js';

const proven: JobOutcome = {
  state: 'succeeded',
  result: { ok: true, tag: 'nightly', rows: 12, restore_drill: 'proven' },
};
const failed: JobOutcome = {
  state: 'failed',
  error: { code: 'NOT_PROVEN', kind: 'environment', message: 'row (ada@example.com) differs' },
};

describe.each(testServers())('webhooks on $name', (server) => {
  const scene = useWebhooks(server);

  it('are told of what they asked for, signed, in words without rows', async () => {
    const all = await scene.receive(['checkpoint.proven', 'checkpoint.failed', 'job.succeeded']);
    const failures = await scene.receive(['checkpoint.failed']);
    const elsewhere = await scene.receive(['job.succeeded'], ['test']);
    await scene.deliver();
    const first = await scene.endJob(checkpointOf('shop'), proven);
    await scene.endJob(checkpointOf('shop', 'second'), failed);
    await scene.whenOver(all.id, 3);
    await scene.whenOver(failures.id, 1);
    const types = all.receiver.received.map(({ body }) => body.type).sort();
    expect(types).toEqual(['checkpoint.failed', 'checkpoint.proven', 'job.succeeded']);
    expect(failures.receiver.received.map(({ body }) => body.type)).toEqual(['checkpoint.failed']);
    expect((await scene.webhooks.deliveries(elsewhere.id)).deliveries).toEqual([]);
    const told = all.receiver.received.find(({ body }) => body.type === 'checkpoint.proven');
    expect(told?.headers['content-type']).toBe('application/json');
    expect(told?.body.data).toMatchObject({
      ...{ database: 'shop', tag: 'nightly', rows: 12, restore_drill: 'proven' },
      job: { id: first, type: 'checkpoint', requestedBy: expect.stringContaining('deploy') },
    });
    for (const { receiver, secret } of [all, failures]) {
      expect(receiver.received.every((one) => isSigned(one, secret))).toBe(true);
      expect(receiver.received.some((one) => isSigned(one, elsewhere.secret))).toBe(false);
      expect(receiver.received.map(({ text }) => text).join()).not.toContain('ada@');
    }
  });

  it('are told once, by whichever of three servers', async () => {
    const { receiver, id, secret } = await scene.receive(['drift.found', 'job.succeeded']);
    await Promise.all([scene.deliver(), scene.deliver(), scene.deliver()]);
    const jobs: string[] = [];
    for (let index = 0; index < 15; index += 1) {
      const result = { drifted: true, changes: [] };
      jobs.push(await scene.endJob(driftOf('shop'), { state: 'succeeded', result }));
    }
    await scene.whenOver(id, 30);
    const told = receiver.received.map(
      ({ body }) => `${body.type} ${(body.data.job as { id: string }).id}`,
    );
    const wanted = jobs.flatMap((job) => [`drift.found ${job}`, `job.succeeded ${job}`]);
    expect(told.sort()).toEqual(wanted.sort());
    expect(receiver.received.every((one) => isSigned(one, secret))).toBe(true);
  });

  it('are told of jobs that nobody ran: cancelled ones', async () => {
    const { receiver, id } = await scene.receive(['job.cancelled']);
    await scene.deliver();
    const { id: job } = await scene.queue.jobs.add(driftOf('shop'));
    await scene.queue.jobs.cancel(job);
    await scene.whenOver(id, 1);
    expect(receiver.received[0]?.body.data).toMatchObject({ job: { id: job, state: 'cancelled' } });
  });

  it('are told again until they take it, with the same id', async () => {
    const { receiver, id, secret } = await scene.receive(['checkpoint.proven']);
    receiver.answer(500);
    await scene.deliver();
    await scene.endJob(checkpointOf('shop'), proven);
    await until('it was refused three times', () => receiver.received.length >= 3);
    const { deliveries } = await scene.webhooks.deliveries(id);
    expect(deliveries).toMatchObject([{ state: 'pending', status: 500, problem: 'answered 500' }]);
    receiver.answer(204);
    const [delivery] = await scene.whenOver(id, 1);
    expect(delivery).toMatchObject({ state: 'delivered', status: 204, problem: null });
    expect(delivery?.attempts).toBe(receiver.received.length);
    expect(delivery?.nextAttemptAt).toBeNull();
    expect(new Set(receiver.received.map((one) => one.id))).toEqual(new Set([delivery?.id]));
    expect(receiver.received.every((one) => isSigned(one, secret))).toBe(true);
    expect(await scene.webhooks.list()).toMatchObject([{ id, lastAttempt: { ok: true } }]);
  });

  it('are told when they come back', async () => {
    const { receiver, id, secret } = await scene.receive(['checkpoint.proven']);
    await receiver.close();
    await scene.deliver();
    await scene.endJob(checkpointOf('shop'), proven);
    await until('nobody was there', async () => {
      const [delivery] = (await scene.webhooks.deliveries(id)).deliveries;
      return delivery?.problem?.includes('ECONNREFUSED');
    });
    expect(await scene.webhooks.list()).toMatchObject([{ lastAttempt: { ok: false } }]);
    const back = await startReceiver(receiver.port);
    try {
      expect(await scene.whenOver(id, 1)).toMatchObject([{ state: 'delivered' }]);
      expect(back.received.map((one) => isSigned(one, secret))).toEqual([true]);
    } finally {
      await back.close();
    }
  });

  it('are given up after a day, and it is shown', async () => {
    const { receiver, id } = await scene.receive(['checkpoint.proven']);
    receiver.answer(503);
    await scene.endJob(checkpointOf('shop'), proven);
    await scene.deliver();
    await until('it was refused', () => receiver.received.length > 0);
    await scene.catalog.query(
      `UPDATE belay_server.webhook_deliveries SET created_at = created_at - interval '25 hours'`,
    );
    const [delivery] = await scene.whenOver(id, 1);
    expect(delivery).toMatchObject({
      ...{ state: 'given-up', status: 503, problem: 'answered 503' },
      ...{ nextAttemptAt: null, deliveredAt: null },
    });
    expect(delivery?.attempts).toBe(receiver.received.length);
  });

  it('that say they are gone are told nothing more', async () => {
    const { receiver, id } = await scene.receive(['job.succeeded']);
    receiver.answer(410);
    await scene.deliver();
    await scene.endJob(checkpointOf('shop'), proven);
    const [delivery] = await scene.whenOver(id, 1);
    expect(delivery).toMatchObject({ state: 'given-up', status: 410 });
    await until('it is off', async () => (await scene.webhooks.list())[0]?.enabled === false);
    const other = await scene.receive(['job.succeeded']);
    await scene.endJob(driftOf('shop'), proven);
    // What the other one was told of, this one would have been told of before.
    await scene.whenOver(other.id, 1);
    expect((await scene.webhooks.deliveries(id)).deliveries).toHaveLength(1);
  });

  it('do not lead elsewhere by a redirect', async () => {
    const { receiver, id } = await scene.receive(['checkpoint.proven']);
    let isReached = false;
    const inner = createServer((_request, response) => {
      isReached = true;
      response.end();
    });
    await new Promise<void>((resolve) => inner.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = inner.address() as { port: number };
      receiver.answer((response) =>
        response.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end(),
      );
      await scene.deliver();
      await scene.endJob(checkpointOf('shop'), proven);
      await until('it was redirected', async () => {
        const [delivery] = (await scene.webhooks.deliveries(id)).deliveries;
        return delivery?.problem === 'answered 307: redirects are not followed';
      });
      expect(isReached).toBe(false);
    } finally {
      await new Promise((resolve) => inner.close(resolve));
    }
  });

  it('that answer nothing do not hold up others', async () => {
    const slow = await scene.receive(['job.succeeded']);
    slow.receiver.answer('hang');
    const quick = await scene.receive(['job.succeeded']);
    await scene.deliver();
    for (let index = 0; index < 6; index += 1) await scene.endJob(driftOf('shop'), proven);
    await scene.whenOver(quick.id, 6);
    expect((await scene.webhooks.deliveries(slow.id)).deliveries).toHaveLength(6);
    expect(new Set(slow.receiver.received.map((one) => one.id)).size).toBeLessThan(6);
  });

  it('whose answers never end are done with the first of it', async () => {
    const { receiver, id } = await scene.receive(['checkpoint.proven']);
    receiver.answer((response) => {
      const more = () => {
        while (response.write('x'.repeat(64 * 1024)));
        response.once('drain', more);
      };
      response.on('error', () => {});
      response.writeHead(200);
      more();
    });
    await scene.deliver();
    await scene.endJob(checkpointOf('shop'), proven);
    expect(await scene.whenOver(id, 1)).toMatchObject([{ state: 'delivered', attempts: 1 }]);
  });

  it('get what a server was sending when it died', async () => {
    const { receiver, id, secret } = await scene.receive(['checkpoint.proven']);
    await scene.webhooks.announce('checkpoint.proven', 'shop', {});
    await scene.catalog.query(
      `UPDATE belay_server.webhook_deliveries SET attempts = 1, last_attempt_at = clock_timestamp(),
              sending_until = clock_timestamp() + interval '3 seconds'`,
    );
    await scene.deliver();
    expect(await scene.whenOver(id, 1)).toMatchObject([{ state: 'delivered', attempts: 2 }]);
    expect(receiver.received.map((one) => isSigned(one, secret))).toEqual([true]);
  });

  it('wait for a server that has the key of their secret', async () => {
    const { receiver, id, secret } = await scene.receive(['checkpoint.proven']);
    const wrong = await openSecrets({ home: makeTempFolder(), env: {} });
    await scene.deliver({ secrets: wrong });
    await scene.endJob(checkpointOf('shop'), proven);
    await until('the key was missed', async () => {
      const [delivery] = (await scene.webhooks.deliveries(id)).deliveries;
      return delivery?.problem?.includes('was sealed with key');
    });
    expect(receiver.received).toEqual([]);
    await scene.deliver();
    expect(await scene.whenOver(id, 1)).toMatchObject([{ state: 'delivered' }]);
    expect(receiver.received.every((one) => isSigned(one, secret))).toBe(true);
  });

  it('are told of what is announced, and not of what was before them', async () => {
    await scene.webhooks.announce('branch.removed', 'shop', { branches: ['before'] });
    await scene.endJob(checkpointOf('shop'), proven);
    const { receiver, id } = await scene.receive(['branch.removed', 'checkpoint.proven']);
    await scene.deliver();
    await scene.webhooks.announce('branch.removed', 'shop', { branches: ['invoices'] });
    await scene.whenOver(id, 1);
    expect(receiver.received.map(({ body }) => body.data)).toEqual([
      { database: 'shop', branches: ['invoices'] },
    ]);
    await until('the end before it was looked at', async () => {
      const rows = await scene.catalog.query('SELECT FROM belay_server.job_ends');
      return rows.length === 0;
    });
    expect(await scene.whenOver(id, 1)).toHaveLength(1);
  });

  it('say what is wrong with the catalog, and go on', async () => {
    const { receiver, id } = await scene.receive(['checkpoint.proven']);
    await scene.endJob(checkpointOf('shop'), proven);
    await scene.catalog.query('ALTER TABLE belay_server.job_ends RENAME TO not_now');
    const errors: unknown[] = [];
    await scene.deliver({ onError: (error) => errors.push(error) });
    await until('it was told', () => errors.length > 0);
    expect((errors[0] as BelayError).message).toContain('job_ends');
    await scene.catalog.query('ALTER TABLE belay_server.not_now RENAME TO job_ends');
    await scene.whenOver(id, 1);
    expect(receiver.received).toHaveLength(1);
  });
});
