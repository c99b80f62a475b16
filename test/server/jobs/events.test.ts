import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import type { TestDatabase } from '../../support/servers.js';
import { createShop } from '../../support/targets.js';

// Where other work keeps the cores busy, a drill takes a minute.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const { server: postgres } = await findDumpableServer();
let shop: TestDatabase;
let server: TestBelayServer;
beforeAll(async () => {
  shop = await createShop(postgres);
  server = await startTestServer({ databases: { shop: shop.url } });
});
afterAll(async () => {
  await server.close();
  await shop.drop();
});

interface Told {
  readonly id: number;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: the events of the contract
  readonly data: any;
}

/** Reads server-sent events until the server ends them. */
async function eventsOf(answer: Response): Promise<Told[]> {
  const text = await answer.text();
  return text
    .split('\n\n')
    .filter((block) => block.startsWith('id:'))
    .map((block) => {
      const field = (name: string) =>
        block
          .split('\n')
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2) ?? '';
      return { id: Number(field('id')), name: field('event'), data: JSON.parse(field('data')) };
    });
}

async function beginSnapshot(tag: string, token = server.admin): Promise<string> {
  const answer = await server.fetch('/api/snapshots?async=true', {
    ...{ method: 'POST', token, body: { database: 'shop', tag } },
  });
  expect(answer.status).toBe(202);
  return ((await answer.json()) as { id: string }).id;
}

describe('the events of a job', () => {
  it('come as they happen and end with the job', async () => {
    const id = await beginSnapshot('followed');
    const answer = await server.fetch(`/api/jobs/${id}/events`);
    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const events = await eventsOf(answer);
    expect(events.map((event) => event.id)).toEqual(events.map((_event, index) => index + 1));
    expect(events[0]).toMatchObject({ name: 'state', data: { event: { state: 'queued' } } });
    expect(events.at(-1)).toMatchObject({ name: 'state', data: { event: { state: 'succeeded' } } });
    expect(events.some(({ name, data }) => name === 'progress' && data.event.type === 'step')).toBe(
      true,
    );
  });

  it('go on where a reader was cut off', async () => {
    const id = await beginSnapshot('resumed');
    const all = await eventsOf(await server.fetch(`/api/jobs/${id}/events`));
    const half = Math.floor(all.length / 2);
    const byHeader = await eventsOf(
      await server.fetch(`/api/jobs/${id}/events`, { headers: { 'last-event-id': String(half) } }),
    );
    expect(byHeader).toEqual(all.slice(half));
    const byQuery = await server.fetch(`/api/jobs/${id}/events?after=${all.length}`);
    expect(await eventsOf(byQuery)).toEqual([]);
  });

  it('want a number to go on from', async () => {
    const id = await beginSnapshot('numbered');
    const path = `/api/jobs/${id}/events`;
    const answer = await server.fetch(path, { headers: { 'last-event-id': 'x' } });
    expect(answer.status).toBe(400);
    expect((await server.fetch(`${path}?after=-1`)).status).toBe(400);
  });

  it('of others are for who may read', async () => {
    const id = await beginSnapshot('private');
    const stranger = await server.token('checkpoint');
    const reader = await server.token('read');
    const elsewhere = await server.token('read', ['other']);
    const status = async (token: string, path = '') =>
      (await server.fetch(`/api/jobs/${id}${path}`, { token })).status;
    for (const path of ['', '/events']) {
      expect(await status(reader, path)).toBe(200);
      expect(await status(stranger, path)).toBe(404);
      expect(await status(elsewhere, path)).toBe(404);
    }
  });
});

describe('jobs', () => {
  it('of one’s own are listed with any scope, those of others with read', async () => {
    const token = await server.token('checkpoint');
    const id = await beginSnapshot('mine', token);
    const list = async (query: string, by: string) => {
      const answer = await server.fetch(`/api/jobs${query}`, { token: by });
      return (await answer.json()) as { jobs: { id: string }[]; next: string | null };
    };
    expect((await list('', token)).jobs.map((job) => job.id)).toEqual([id]);
    expect((await list('?mine=true', server.admin)).jobs.map((job) => job.id)).not.toContain(id);
    const all = (await list('?type=snapshot', server.admin)).jobs.map((job) => job.id);
    expect(all).toContain(id);
    const paged: string[] = [];
    let cursor = '';
    do {
      const page = await list(`?type=snapshot&limit=2${cursor}`, server.admin);
      paged.push(...page.jobs.map((job) => job.id));
      cursor = page.next === null ? '' : `&cursor=${encodeURIComponent(page.next)}`;
    } while (cursor !== '');
    expect(paged).toEqual(all);
  });

  it('that are over cannot be cancelled; those of others only with restore', async () => {
    const id = await beginSnapshot('over');
    await eventsOf(await server.fetch(`/api/jobs/${id}/events`));
    const cancel = (token: string) =>
      server.fetch(`/api/jobs/${id}/cancel`, { method: 'POST', token });
    expect((await cancel(await server.token('read'))).status).toBe(403);
    const answer = await cancel(server.admin);
    expect([answer.status, await answer.json()]).toMatchObject([409, { code: 'JOB_OVER' }]);
  });

  it.each(['job_nothing', '%00', '..%2f..', "'--", 'x'.repeat(90)])(
    '%s: there is none',
    async (id) => {
      const answer = await server.fetch(`/api/jobs/${id}`);
      expect([400, 404]).toContain(answer.status);
    },
  );
});
