import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { restoreSnapshot, takeSnapshot, undoRestore } from '../../src/index.js';
import { type TestDatabase, testServers } from '../support/servers.js';
import { createShop, itemsOf, withTarget } from '../support/targets.js';

interface Attempts {
  readonly refused: string[];
  connected: number;
}

/** Connects, asks and disconnects again and again until `stopped`; notes how it was refused. */
async function reconnect(url: string, stopped: () => boolean): Promise<Attempts> {
  const attempts: Attempts = { refused: [], connected: 0 };
  while (!stopped()) {
    const client = new pg.Client({ connectionString: url, application_name: 'reconnecting' });
    client.on('error', () => {});
    try {
      await client.connect();
      attempts.connected += 1;
    } catch (error) {
      attempts.refused.push((error as { code?: string }).code ?? String(error));
      continue;
    }
    // An idle session may be ended between connecting and asking: that is what "wait" says it does.
    await client.query('SELECT count(*) FROM items').catch(() => {});
    await client.end().catch(() => {});
  }
  return attempts;
}

describe.each(testServers())('clients that reconnect in a loop on $name', (server) => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
  });
  afterAll(() => shop.drop());

  async function whileReconnecting(work: () => Promise<unknown>): Promise<readonly Attempts[]> {
    let stopped = false;
    const clients = [1, 2, 3, 4].map(() => reconnect(shop.url, () => stopped));
    try {
      await work();
    } finally {
      stopped = true;
    }
    return Promise.all(clients);
  }

  /** Ended by Belay in the middle of connecting, not refused by the server. */
  const refusals = ({ refused }: Attempts) => refused.filter((code) => code !== '57P01');

  it('wait through a snapshot and are never refused', async () => {
    const clients = await whileReconnecting(() =>
      withTarget(shop.url, (target) => takeSnapshot(target, { tag: 'baseline' })),
    );
    for (const client of clients) {
      expect(refusals(client)).toEqual([]);
      expect(client.connected).toBeGreaterThan(0);
    }
  });

  it('are told once at most that the database is not there, when it is replaced', async () => {
    const replace = [
      () => withTarget(shop.url, (target) => restoreSnapshot(target, { reference: 'baseline' })),
      () => withTarget(shop.url, (target) => undoRestore(target)),
    ];
    for (const work of replace) {
      for (const client of await whileReconnecting(work)) {
        expect([[], ['3D000']]).toContainEqual(refusals(client));
        expect(client.connected).toBeGreaterThan(0);
      }
      expect(await itemsOf(shop.url)).toHaveLength(3);
    }
  });
});
