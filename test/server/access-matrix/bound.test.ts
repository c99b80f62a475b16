import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jsonOf, makeWorld, type World } from './world.js';

/** An administrator of "other" alone, beside one of everything. */
let world: World;
let token: string;
let shopJob: string;

beforeAll(async () => {
  world = await makeWorld();
  token = await world.server.token('admin', ['other']);
  const { jobs } = await jsonOf(world.server, 'GET', '/api/jobs');
  shopJob = jobs[0].id;
}, 120_000);

afterAll(async () => {
  await world?.end();
}, 120_000);

async function call(method: string, path: string, body?: object) {
  const answer = await world.server.fetch(path, { method, token, body });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}

describe('an administrator of one database', () => {
  test('sees nothing of the others', async () => {
    const { body: databases } = await call('GET', '/api/databases');
    expect(databases.databases.map(({ name }: { name: string }) => name)).toEqual(['other']);
    expect((await call('GET', '/api/snapshots')).body.snapshots).toEqual([]);
    expect((await call('GET', '/api/snapshots?database=shop')).status).toBe(403);
    expect((await call('GET', '/api/jobs')).body.jobs).toEqual([]);
    expect((await call('GET', '/api/jobs?database=shop')).status).toBe(403);
  });

  test('sees and stops no job of the others', async () => {
    for (const [method, path] of [
      ['GET', `/api/jobs/${shopJob}`],
      ['GET', `/api/jobs/${shopJob}/events`],
      ['POST', `/api/jobs/${shopJob}/cancel`],
    ] as const) {
      const { status, body } = await call(method, path);
      expect([403, 404], `${method} ${path}`).toContain(status);
      expect(JSON.stringify(body)).not.toContain('baseline');
    }
  });

  test('hands out no more than it has', async () => {
    for (const databases of [undefined, ['shop'], ['other', 'shop']]) {
      const order = { scopes: ['read'], ...(databases ? { databases } : {}) };
      expect((await call('POST', '/api/tokens', order)).status).toBe(403);
      const person = { ...order, name: 'eve', password: 'correct horse battery' };
      expect((await call('POST', '/api/people', person)).status).toBe(403);
      const hook = {
        url: 'https://example.com/',
        events: ['job.failed'],
        ...(databases ? { databases } : {}),
      };
      expect((await call('POST', '/api/webhooks', hook)).status).toBe(403);
    }
    const made = await call('POST', '/api/tokens', { scopes: ['read'], databases: ['other'] });
    expect(made.status).toBe(201);
    expect(made.body.record.databases).toEqual(['other']);
  });

  test('sees and revokes no token and removes no person of all databases', async () => {
    const { token: secret, record } = await jsonOf(world.server, 'POST', '/api/tokens', {
      scopes: ['admin'],
    });
    const ada = { name: 'ada', password: 'correct horse battery', scopes: ['admin'] };
    const person = await jsonOf(world.server, 'POST', '/api/people', ada);
    const { body } = await call('GET', '/api/tokens?limit=200');
    expect(
      body.tokens.every((one: { databases: string[] | null }) => one.databases?.join() === 'other'),
    ).toBe(true);
    expect((await call('DELETE', `/api/tokens/${record.id}`)).body.code).toBe('TOKEN_NOT_FOUND');
    expect((await world.server.fetch('/api/session', { token: secret })).status).toBe(200);
    expect((await call('GET', '/api/people')).body.people).toEqual([]);
    expect((await call('DELETE', `/api/people/${person.id}`)).body.code).toBe('PERSON_NOT_FOUND');
    const password = { password: 'another horse battery' };
    expect((await call('PATCH', `/api/people/${person.id}`, password)).body.code).toBe(
      'PERSON_NOT_FOUND',
    );
  });

  test('sees, changes and runs no schedule of the others', async () => {
    const order = { database: 'shop', name: 'nightly', cron: '0 3 * * *', type: 'drift' };
    const { id } = await jsonOf(world.server, 'POST', '/api/schedules', order);
    expect((await call('GET', '/api/schedules')).body.schedules).toEqual([]);
    expect((await call('GET', '/api/schedules?database=shop')).status).toBe(403);
    expect((await call('POST', '/api/schedules', order)).status).toBe(403);
    for (const [method, path, body] of [
      ['PATCH', `/api/schedules/${id}`, { enabled: false }],
      ['DELETE', `/api/schedules/${id}`, undefined],
      ['POST', `/api/schedules/${id}/run`, {}],
    ] as const) {
      expect((await call(method, path, body)).body.code, `${method} ${path}`).toBe(
        'SCHEDULE_NOT_FOUND',
      );
    }
  });

  test('sees and uses no webhook of all databases', async () => {
    const hook = { url: 'https://1.1.1.1/hook', events: ['job.failed'] };
    const { webhook, secret } = await jsonOf(world.server, 'POST', '/api/webhooks', hook);
    expect(secret).toMatch(/^whsec_/);
    expect((await call('GET', '/api/webhooks')).body.webhooks).toEqual([]);
    for (const [method, path, body] of [
      ['GET', `/api/webhooks/${webhook.id}/deliveries`, undefined],
      ['POST', `/api/webhooks/${webhook.id}/test`, {}],
      ['DELETE', `/api/webhooks/${webhook.id}`, undefined],
    ] as const) {
      expect((await call(method, path, body)).body.code, `${method} ${path}`).toBe(
        'WEBHOOK_NOT_FOUND',
      );
    }
    const listed = await jsonOf(world.server, 'GET', '/api/webhooks');
    expect(JSON.stringify(listed)).not.toContain(secret);
  });
});
