import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closingSessions } from '../../src/features/snapshot/read-clone.js';
import { underLock } from '../../src/features/target/work.js';
import { BelayError, type Target } from '../../src/index.js';
import { runExclusively } from '../../src/postgres/exclusive.js';
import {
  createTestRole,
  type TestDatabase,
  type TestRole,
  testServers,
} from '../support/servers.js';
import { createShop, failure, run, withTarget } from '../support/targets.js';

describe.each(testServers())('work under the lock on $name', (server) => {
  let shop: TestDatabase;
  let role: TestRole;
  beforeEach(async () => {
    shop = await createShop(server);
    role = await createTestRole(server, 'SUPERUSER');
  });
  afterEach(async () => {
    await shop.drop();
    await role.drop();
  });

  const set = (setting: string) => run(server.adminUrl, `ALTER ROLE ${role.name} SET ${setting}`);

  it('outlives a server that ends idle sessions', async () => {
    await set(`idle_session_timeout = '300ms'`);
    await withTarget(role.urlFor(shop.url), (target) =>
      underLock(target, {}, async ({ main, helper }) => {
        // As while a large copy is counted by other sessions.
        await sleep(900);
        for (const session of [main, helper]) {
          expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
        }
      }),
    );
  });

  it('commits durably whatever the role has set, but does not wait for standbys then', async () => {
    const setting = (url: string) =>
      withTarget(url, (target) =>
        underLock(target, {}, ({ main }) =>
          main.queryOne(`SELECT current_setting('synchronous_commit') AS value`),
        ),
      );
    await set('synchronous_commit = off');
    expect(await setting(role.urlFor(shop.url))).toEqual({ value: 'local' });
    await set('synchronous_commit = remote_apply');
    expect(await setting(role.urlFor(shop.url))).toEqual({ value: 'remote_apply' });
  });

  it('cancels a statement that began just after the abort', async () => {
    const controller = new AbortController();
    await withTarget(shop.url, (target) =>
      underLock(target, {}, async ({ main, helper }) => {
        const running = runExclusively(
          { database: shop.name, policy: 'wait', main, helper, signal: controller.signal },
          () => {
            // Whatever this cancels, it is not the statement that follows.
            controller.abort('SIGINT');
            return main.execute('SELECT pg_sleep(60)', 'sleeping');
          },
        );
        await failure(running, 'CANCELED_BY_SERVER');
      }),
    );
  });

  it('closes a session that was still being opened when the reading failed', async () => {
    await withTarget(shop.url, async (target) => {
      let late: ReturnType<Target['openDatabase']> | undefined;
      const reading = closingSessions(
        () => target.openDatabase(shop.name),
        async (open) => {
          late = open();
          throw new BelayError('INTERRUPTED', 'an abort');
        },
      );
      await failure(reading, 'INTERRUPTED');
      const session = await late;
      await expect(session?.query('SELECT 1')).rejects.toMatchObject({ code: 'SERVER_GONE' });
    });
  });
});
