import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { cancelOnAbort } from '../../src/postgres/cancel.js';
import { openSession } from '../support/open-session.js';
import { createTestDatabase, type TestDatabase, testServers } from '../support/servers.js';

let database: TestDatabase;
beforeAll(async () => {
  const [server] = testServers();
  if (!server) throw new Error('there is no server to test on');
  database = await createTestDatabase(server, {});
});
afterAll(() => database?.drop());

test('an abort cancels what runs', async () => {
  const [running, canceller] = [await openSession(database.url), await openSession(database.url)];
  const abort = new AbortController();
  const stop = cancelOnAbort(abort.signal, canceller, running);
  const sleeping = running.query('SELECT pg_sleep(60)');
  sleeping.catch(() => {});
  const isAsleep = `SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'`;
  await vi.waitUntil(
    async () => (await canceller.query(isAsleep, [running.pid])).length > 0,
    30_000,
  );
  abort.abort();
  await expect(sleeping).rejects.toMatchObject({ code: 'CANCELED_BY_SERVER' });
  await stop();
  await Promise.all([running.close(), canceller.close()]);
});

test('a cancel that arrives late ends nothing that was begun afterwards', async () => {
  const [running, canceller] = [await openSession(database.url), await openSession(database.url)];
  const abort = new AbortController();
  const stop = cancelOnAbort(abort.signal, canceller, running);
  const busy = canceller.query('SELECT pg_sleep(0.5)');
  // What it was to cancel is over before the canceller gets to it.
  abort.abort();
  await stop();
  await expect(running.query('SELECT pg_sleep(1)')).resolves.toHaveLength(1);
  await busy;
  await Promise.all([running.close(), canceller.close()]);
});
