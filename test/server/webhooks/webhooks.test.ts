import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/errors.js';
import type { NewWebhook } from '../../../src/jobs/webhooks/webhooks.js';
import { failure } from '../../support/failure.js';
import { testServers } from '../../support/servers.js';
import { isSigned } from './receiver.js';
import { useWebhooks } from './scene.js';

const url = 'https://93.184.215.14/hook';

describe.each(testServers())('keeping webhooks on $name', (server) => {
  const scene = useWebhooks(server);

  it('shows the secret once, and keeps it sealed', async () => {
    const order: NewWebhook = { url, events: ['job.failed', 'job.failed'], databases: ['shop'] };
    const { webhook, secret } = await scene.webhooks.create(order);
    expect(secret).toMatch(/^whsec_/);
    expect(webhook).toEqual({
      ...{ id: expect.stringMatching(/^whk_/), url, events: ['job.failed'], databases: ['shop'] },
      ...{ enabled: true, createdAt: expect.any(String), lastAttempt: null },
    });
    expect(await scene.webhooks.list()).toEqual([webhook]);
    const rows = await scene.catalog.query('SELECT w::text AS row FROM belay_server.webhooks w');
    expect(JSON.stringify(rows)).not.toContain(secret.slice(6));
    await scene.webhooks.remove(webhook.id);
    expect(await scene.webhooks.list()).toEqual([]);
    await failure(scene.webhooks.remove(webhook.id), 'WEBHOOK_NOT_FOUND');
  });

  it.each<[string, Partial<NewWebhook>, ErrorCode]>([
    ['an inner address', { url: 'https://169.254.169.254/' }, 'ADDRESS_REFUSED'],
    ['plain http', { url: 'http://93.184.215.14/' }, 'ADDRESS_REFUSED'],
    ['a password', { url: 'https://a:b@93.184.215.14/' }, 'ADDRESS_REFUSED'],
    ['no URL', { url: 'hook' }, 'BAD_URL'],
    ['no event', { events: [] }, 'USAGE'],
    ['an unknown event', { events: ['all' as 'job.failed'] }, 'USAGE'],
    ['no database', { databases: [] }, 'USAGE'],
    ['a bad name', { databases: ['a b'] }, 'USAGE'],
    ['more than there is', { more: true } as Partial<NewWebhook>, 'USAGE'],
  ])('refuses %s', async (_what, change, code) => {
    const order: NewWebhook = { url, events: ['job.failed'], ...change };
    await failure(scene.webhooks.create(order), code);
    expect(await scene.webhooks.list()).toEqual([]);
  });

  it('stops at a hundred', async () => {
    await scene.catalog.query(
      `INSERT INTO belay_server.webhooks (id, url, events, secret_sealed)
       SELECT 'whk_' || n, 'https://example.com/', '{job.failed}', '' FROM generate_series(1, 100) AS n`,
    );
    await failure(scene.webhooks.create({ url, events: ['job.failed'] }), 'QUOTA_REACHED');
  });

  it('tries one at once, once', async () => {
    const { receiver, id, secret } = await scene.receive(['job.failed']);
    await scene.deliver();
    expect(await scene.webhooks.test(id)).toMatchObject({
      ...{ event: 'webhook.test', state: 'delivered', attempts: 1, status: 200, problem: null },
    });
    expect(receiver.received.map((one) => isSigned(one, secret))).toEqual([true]);
    expect(receiver.received[0]?.body).toMatchObject({
      type: 'webhook.test',
      data: { webhook: id },
    });
    receiver.answer(500);
    expect(await scene.webhooks.test(id)).toMatchObject({
      ...{ state: 'given-up', attempts: 1, status: 500, problem: 'answered 500' },
      ...{ nextAttemptAt: null },
    });
    await receiver.close();
    const { status, problem } = await scene.webhooks.test(id);
    expect({ status, problem }).toEqual({
      status: null,
      problem: `cannot reach 127.0.0.1:${receiver.port}: ECONNREFUSED`,
    });
    expect(receiver.received).toHaveLength(2);
  });

  it('lists messages page by page, newest first', async () => {
    const { id } = await scene.receive(['branch.removed']);
    for (let index = 0; index < 7; index += 1) {
      await scene.webhooks.announce('branch.removed', 'shop', { index });
    }
    const { deliveries: all, next: none } = await scene.webhooks.deliveries(id);
    expect(all).toHaveLength(7);
    expect(none).toBeNull();
    const times = all.map(({ createdAt }) => createdAt);
    expect(times).toEqual([...times].sort().reverse());
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await scene.webhooks.deliveries(id, { limit: 3, cursor });
      seen.push(...page.deliveries.map((one) => one.id));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(all.map((one) => one.id));
    for (const bad of ['', 'x', 'msg_\0', `msg_${'0'.repeat(24)}`]) {
      await failure(scene.webhooks.deliveries(id, { cursor: bad }), 'BAD_REQUEST');
    }
  });

  it.each(['', 'whk_', 'whk_\0', `whk_${'0'.repeat(18)}`, "'--"])(
    'knows none by the id %j',
    async (id) => {
      await failure(scene.webhooks.remove(id), 'WEBHOOK_NOT_FOUND');
      await failure(scene.webhooks.deliveries(id), 'WEBHOOK_NOT_FOUND');
      await failure(scene.webhooks.test(id), 'WEBHOOK_NOT_FOUND');
    },
  );
});
