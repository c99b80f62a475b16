import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Job } from '../../../src/contract/job.js';
import type { Snapshot } from '../../../src/domain/snapshot.js';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import {
  cleanEnvironment,
  createTestDatabase,
  type TestDatabase,
  testServers,
} from '../../support/servers.js';
import { shopSql } from '../../support/targets.js';
import { testHome } from '../../support/test-home.js';
import { type ServeProcess, startServe } from './serve-process.js';

/** Each round kills one of three, so this many servers are started anew. */
const rounds = Math.ceil((Number(process.env.BELAY_FAULT_ROUNDS) || 3) / 3);
const names = ['one', 'two', 'three'];
const key = randomBytes(32).toString('base64');

/** Only the way in: it takes no jobs of its own, and sees what the three do. */
let front: TestBelayServer;
let databases: TestDatabase[] = [];
const servers: ServeProcess[] = [];

beforeAll(async () => {
  const [server] = testServers().filter(({ major }) => major === 15);
  if (!server) throw new Error('no PostgreSQL 15, whose pg_dump makes the archives');
  for (const name of names) {
    databases.push(await createTestDatabase(server, { name, sql: shopSql }));
  }
  front = await startTestServer({
    databases: Object.fromEntries(names.map((name, at) => [name, databases[at]?.url ?? ''])),
    ...{ env: { BELAY_SECRET_KEY: key }, concurrency: 0 },
  });
  for (const name of names) servers.push(await start(name));
}, 400_000);

afterAll(async () => {
  for (const server of servers) await server.kill();
  await front?.close();
  for (const database of databases) await database.drop();
  databases = [];
}, 120_000);

async function start(name: string): Promise<ServeProcess> {
  return startServe(['--name', name, '--concurrency', '1'], {
    ...cleanEnvironment(),
    ...{ BELAY_HOME: testHome(), BELAY_STORE: front.store, BELAY_SECRET_KEY: key },
    BELAY_CATALOG: front.catalogUrl,
  });
}

async function getJson<T>(path: string): Promise<T> {
  const answer = await front.fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

const jobs = (state: string) => getJson<{ jobs: Job[] }>(`/api/jobs?state=${state}&limit=200`);

test(`every accepted checkpoint is proven, once, though one of three servers is killed, ${rounds} times`, {
  timeout: 60_000 + rounds * 120_000,
}, async () => {
  for (let round = 0; round < rounds; round += 1) {
    const accepted: Job[] = [];
    for (const database of names) {
      const answer = await front.fetch('/api/checkpoint?async=true', {
        method: 'POST',
        body: { database, tag: `round-${round}` },
      });
      expect(answer.status).toBe(202);
      accepted.push((await answer.json()) as Job);
    }
    const victim = await someoneAtWork();
    await servers[victim]?.kill();
    servers[victim] = await start(names[victim] as string);
    for (const { id } of accepted) {
      const job = await over(id);
      expect(job, `${servers.map((server) => server.logs()).join('\n')}`).toMatchObject({
        state: 'succeeded',
        result: { ok: true, restore_drill: 'proven' },
      });
    }
  }
  for (const database of names) await expectOnce(database);
});

async function someoneAtWork(): Promise<number> {
  return vi.waitFor(
    async () => {
      const { jobs: running } = await jobs('running');
      const found = running.map(({ worker }) => serverOf(worker)).find((at) => at >= 0);
      if (found === undefined) throw new Error('nobody works yet');
      return found;
    },
    { timeout: 60_000, interval: 10 },
  );
}

/** A worker's name begins with that of its server. */
const serverOf = (worker: string | null) =>
  names.findIndex((name) => worker?.startsWith(`${name}-`));

async function over(id: string): Promise<Job> {
  return vi.waitFor(
    async () => {
      const job = await getJson<Job>(`/api/jobs/${id}`);
      if (job.state === 'queued' || job.state === 'running') throw new Error(`${id} ${job.state}`);
      return job;
    },
    { timeout: 100_000, interval: 100 },
  );
}

/** One archive a round, one entry of the ledger for each, and nothing else. */
async function expectOnce(database: string): Promise<void> {
  const expected = Array.from({ length: rounds }, (_, round) => `round-${round}`).sort();
  const { snapshots } = await getJson<{ snapshots: Snapshot[] }>(
    `/api/snapshots?database=${database}&limit=200`,
  );
  expect(snapshots.map(({ tag }) => tag).sort()).toEqual(expected);
  const { entries } = await getJson<{
    entries: { action: string; outcome: string; snapshot: { tag: string } | null }[];
  }>(`/api/ledger?database=${database}&limit=200`);
  const sealed = entries.filter((one) => one.action === 'checkpoint' && one.outcome === 'done');
  expect(sealed.map(({ snapshot }) => snapshot?.tag).sort()).toEqual(expected);
}
