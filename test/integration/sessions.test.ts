import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionPolicy } from '../../src/index.js';
import { restoreSnapshot, type Target, takeSnapshot, undoRestore } from '../../src/index.js';
import { type TestDatabase, testServers, withSession } from '../support/servers.js';
import {
  addItem,
  createShop,
  databasesOf,
  failure,
  itemsOf,
  rowsOf,
  run,
  withTarget,
} from '../support/targets.js';

describe.each(testServers())('sessions in the way on $name', (server) => {
  let shop: TestDatabase;
  let taken = 0;
  beforeAll(async () => {
    shop = await createShop(server);
    await on((target) => takeSnapshot(target, { tag: 'baseline' }));
  });
  afterAll(() => shop.drop());

  const on = <T>(work: (target: Target) => Promise<T>) => withTarget(shop.url, work);
  const take = (sessions?: SessionPolicy, sessionsWaitMs?: number) =>
    on((target) => {
      taken += 1;
      return takeSnapshot(target, { tag: `take-${taken}`, sessions, sessionsWaitMs });
    });
  const restore = (sessions?: SessionPolicy) =>
    on((target) => restoreSnapshot(target, { reference: 'baseline', sessions }));
  const isAlive = async (pid: number) =>
    (await rowsOf(server.adminUrl, 'SELECT 1 FROM pg_stat_activity WHERE pid = $1', [pid])).length >
    0;

  /** Runs `work` beside another session, which is in the state that `prepare` brings it to. */
  async function beside<T>(
    prepare: string,
    work: (other: { pid: number; query(sql: string): Promise<unknown> }) => Promise<T>,
  ): Promise<T> {
    return withSession(shop.url, async (client) => {
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      if (prepare) await client.query(prepare);
      return work({ pid: rows[0].pid, query: (sql) => client.query(sql) });
    });
  }

  it.each([
    ['taking a snapshot', take],
    ['restoring', restore],
  ])('wait: %s ends an idle session', async (_what, work) => {
    await beside('', async ({ pid }) => {
      await work('wait');
      expect(await isAlive(pid)).toBe(false);
    });
  });

  it.each([
    ['taking a snapshot', take],
    ['restoring', restore],
  ])('wait: %s lets a short query finish', async (_what, work) => {
    await beside('', async ({ query }) => {
      const order: string[] = [];
      await Promise.all([
        query('SELECT pg_sleep(0.7)').then(() => order.push('query')),
        work('wait').then(() => order.push('work')),
      ]);
      expect(order).toEqual(['query', 'work']);
    });
  });

  it('wait: a transaction that stays open is named, and nothing is ended or changed', async () => {
    const before = await databasesOf(server, shop.name);
    await beside('BEGIN; SELECT 1', async ({ pid, query }) => {
      await query(`INSERT INTO items (name) VALUES ('in a transaction')`);
      const error = await failure(take('wait', 1500), 'SESSIONS_IN_THE_WAY');
      expect(error).toMatchObject({ exitCode: 5, details: { sessions: [{ pid }] } });
      expect(error.message).toMatch(
        new RegExp(
          `^1 session is in the way .*pid ${pid} \\(user postgres, application "belay-test", .*idle in transaction for \\d+ s\\)$`,
        ),
      );
      expect(error.hint).toContain('--sessions terminate');
      await addItem(shop.url, 'from a new connection');
      await query('COMMIT');
    });
    expect(await itemsOf(shop.url)).toEqual(
      expect.arrayContaining(['in a transaction', 'from a new connection']),
    );
    expect(await databasesOf(server, shop.name)).toEqual(before);
  });

  it.each([
    ['taking a snapshot', take],
    ['restoring', restore],
    ['undoing', (sessions: SessionPolicy) => on((target) => undoRestore(target, { sessions }))],
  ])('fail: %s is refused at once by an idle session, which stays', async (_what, work) => {
    const before = await databasesOf(server, shop.name);
    await beside('', async ({ pid, query }) => {
      const error = await failure(work('fail'), 'SESSIONS_IN_THE_WAY');
      expect(error.message).toContain(`pid ${pid} `);
      await query('SELECT 1');
    });
    expect(await databasesOf(server, shop.name)).toEqual(before);
  });

  it('fail: works where nobody is connected', async () => {
    await take('fail');
    await restore('fail');
  });

  it.each([
    ['taking a snapshot', take],
    ['restoring', restore],
  ])('terminate: %s ends whatever is there, and rolls it back', async (_what, work) => {
    await beside(`BEGIN; INSERT INTO items (name) VALUES ('lost')`, async ({ pid }) => {
      await work('terminate');
      expect(await isAlive(pid)).toBe(false);
    });
    expect(await itemsOf(shop.url)).not.toContain('lost');
  });

  it('a prepared transaction is named: no session can be ended to end it', async () => {
    const gid = `tx ${shop.name}`;
    await run(shop.url, `BEGIN; DELETE FROM items; PREPARE TRANSACTION '${gid}'`);
    try {
      const before = await databasesOf(server, shop.name);
      for (const work of [take, restore]) {
        const error = await failure(work('terminate'), 'PREPARED_TRANSACTIONS');
        expect(error.message).toContain(`"${gid}" (owner postgres`);
        expect(error.hint).toContain('ROLLBACK PREPARED');
      }
      expect(await databasesOf(server, shop.name)).toEqual(before);
    } finally {
      await run(shop.url, `ROLLBACK PREPARED '${gid}'`);
    }
    await take('terminate');
  });

  it('an interruption leaves the database open, and nothing half-made', async () => {
    const before = await databasesOf(server, shop.name);
    for (const step of ['copy', 'count']) {
      const controller = new AbortController();
      const error = await on((target) =>
        failure(
          takeSnapshot(target, {
            tag: 'interrupted',
            signal: controller.signal,
            reporter: (event) =>
              event.type === 'step' && event.name === step && controller.abort('SIGINT'),
          }),
          'INTERRUPTED',
        ),
      );
      expect(error.exitCode).toBe(130);
      await addItem(shop.url, `after ${step}`);
      expect(await databasesOf(server, shop.name)).toEqual(before);
    }
  });

  it('an interrupted restore leaves the target as it was', async () => {
    const before = await databasesOf(server, shop.name);
    const items = await itemsOf(shop.url);
    for (const step of ['copy', 'carry over settings and grants', 'verify']) {
      const controller = new AbortController();
      await on((target) =>
        failure(
          restoreSnapshot(target, {
            reference: 'baseline',
            signal: controller.signal,
            reporter: (event) =>
              event.type === 'step' && event.name === step && controller.abort('SIGTERM'),
          }),
          'TERMINATED',
        ),
      );
      expect(await itemsOf(shop.url)).toEqual(items);
      expect(await databasesOf(server, shop.name)).toEqual(before);
    }
  });
});
