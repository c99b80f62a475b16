import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { shopSql } from '../../support/targets.js';

const queueLimit = 4;
const callers = 200;

let database: TestDatabase;
let server: TestBelayServer;

beforeAll(async () => {
  const [postgres] = testServers();
  if (!postgres) throw new Error('there is no PostgreSQL');
  database = await createTestDatabase(postgres, { name: 'crowd', sql: shopSql });
  server = await startTestServer({ queueLimit, databases: { shop: database.url } });
}, 120_000);

afterAll(async () => {
  await server?.close();
  await database?.drop();
}, 120_000);

interface Outcome {
  readonly tag: string;
  readonly status: number;
  readonly retryAfter: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: a checkpoint or a problem
  readonly body: any;
}

async function checkpoint(index: number, token: string): Promise<Outcome> {
  const tag = `crowd-${index}`;
  const body = { database: 'shop', tag };
  const answer = await server.fetch('/api/checkpoint', { method: 'POST', body, token });
  const retryAfter = answer.headers.get('retry-after');
  return { tag, status: answer.status, retryAfter, body: await answer.json() };
}

/** Looks again and again until told to stop; gives the longest queue that it saw. */
function watchQueue(): { stop(): Promise<number> } {
  let isOver = false;
  let longest = 0;
  const watching = (async () => {
    while (!isOver) {
      const answer = await server.fetch('/api/jobs?state=queued&limit=200');
      const { jobs } = (await answer.json()) as { readonly jobs: readonly unknown[] };
      longest = Math.max(longest, jobs.length);
    }
    return longest;
  })();
  return {
    stop: () => {
      isOver = true;
      return watching;
    },
  };
}

test('200 callers at once: so many as fit are proven, the others are told when to come again, none is lost', async () => {
  const token = await server.token('checkpoint', ['shop']);
  const queue = watchQueue();
  const outcomes = await Promise.all(
    Array.from({ length: callers }, (_one, index) => checkpoint(index, token)),
  );
  expect(await queue.stop()).toBeLessThanOrEqual(queueLimit);

  const proven = outcomes.filter(({ status }) => status === 200);
  const refused = outcomes.filter(({ status }) => status === 429);
  expect(proven.length + refused.length).toBe(callers);
  expect(proven.length).toBeGreaterThanOrEqual(queueLimit);
  expect(refused.length).toBeGreaterThan(callers / 2);
  for (const { tag, body } of proven) {
    expect(body).toMatchObject({ ok: true, tag, restore_drill: 'proven' });
  }
  for (const { retryAfter, body } of refused) {
    expect(Number(retryAfter)).toBeGreaterThan(0);
    expect(body).toMatchObject({ code: 'TOO_MANY_JOBS', status: 429 });
  }

  const timeline = await server.fetch('/api/snapshots?database=shop&limit=200');
  const { snapshots } = (await timeline.json()) as {
    readonly snapshots: { readonly tag: string }[];
  };
  const promised = proven.map(({ tag }) => tag).sort();
  expect(snapshots.map(({ tag }) => tag).sort()).toEqual(promised);
  const answer = await server.fetch('/api/jobs?limit=200&type=checkpoint');
  const { jobs } = (await answer.json()) as { readonly jobs: { readonly state: string }[] };
  expect(jobs.map(({ state }) => state)).toEqual(promised.map(() => 'succeeded'));
}, 600_000);
