import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { storeFolder, withScripts } from '../../support/archives.js';
import { startTestServer, type TestBelayServer } from '../../support/belay-server.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import { createTestDatabase, type TestDatabase } from '../../support/servers.js';
import { createShop } from '../../support/targets.js';

// Where other work keeps the cores busy, a drill takes a minute.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const { server: postgres, tools } = await findDumpableServer();
const store = storeFolder();
let shop: TestDatabase;
let catalog: TestDatabase;
beforeAll(async () => {
  shop = await createShop(postgres);
  catalog = await createTestDatabase(postgres, { name: 'catalog' });
});
afterAll(async () => {
  await shop.drop();
  await catalog.drop();
});

/** A server whose dumps wait until the file `name` is there. */
async function startHeld(name: string) {
  const gate = join(store, '..', name);
  const env = await withScripts(store, tools, {
    pgDump: `while [ ! -e '${gate}' ]; do sleep 0.1; done`,
  });
  const server = await startTestServer({ env, store, url: shop.url, catalogUrl: catalog.url });
  return { server, open: () => writeFile(gate, '') };
}

function begin(server: TestBelayServer, tag: string): Promise<Response> {
  const body = { database: shop.name, tag };
  return server.fetch('/api/checkpoint', { method: 'POST', body });
}

/** The job of a tag, when it has got as far as the dump. */
async function dumping(server: TestBelayServer, tag: string): Promise<string> {
  // biome-ignore lint/suspicious/noExplicitAny: jobs of the contract
  let found: any;
  await expect
    .poll(
      async () => {
        const answer = await server.fetch('/api/jobs?state=running');
        // biome-ignore lint/suspicious/noExplicitAny: jobs of the contract
        const { jobs } = (await answer.json()) as { jobs: any[] };
        found = jobs.find(({ input }) => input.tag === tag);
        return found?.step;
      },
      { timeout: 200_000 },
    )
    .toBeTruthy();
  return found.id;
}

describe('a server that is stopped in the middle of a job', () => {
  it('lets it end, answers whoever waits, and takes nothing new', async () => {
    const { server, open } = await startHeld('first');
    const answer = begin(server, 'in-time');
    await dumping(server, 'in-time');
    const closed = server.close({ graceMs: 200_000 });
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    await open();
    const given = await answer;
    expect([given.status, await given.json()]).toMatchObject([200, { ok: true, tag: 'in-time' }]);
    await closed;
  });

  it('gives it back when the time is over; another server does it, once', async () => {
    const { server, open } = await startHeld('second');
    const answer = begin(server, 'handed-on');
    const id = await dumping(server, 'handed-on');
    await server.close({ graceMs: 0 });
    const given = await answer;
    expect(given.status).toBe(503);
    expect(await given.json()).toMatchObject({ job: id });
    await open();
    const next = await startTestServer({ store, url: shop.url, catalogUrl: catalog.url });
    try {
      await expect
        .poll(async () => (await next.fetch(`/api/jobs/${id}`)).json(), { timeout: 200_000 })
        .toMatchObject({ state: 'succeeded', attempt: 2, result: { ok: true } });
      const timeline = await next.fetch(`/api/snapshots?database=${shop.name}&q=handed-on`);
      expect(((await timeline.json()) as { snapshots: object[] }).snapshots).toHaveLength(1);
    } finally {
      await next.close();
    }
  });
});
