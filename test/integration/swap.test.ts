import { tmpdir } from 'node:os';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cloneOf } from '../../src/domain/snapshot.js';
import {
  listSnapshots,
  openTarget,
  type ProgressEvent,
  restoreSnapshot,
  switchSnapshot,
  type Target,
  takeSnapshot,
  undoRestore,
} from '../../src/index.js';
import { acquireTargetLock } from '../../src/postgres/target-lock.js';
import {
  createTestDatabase,
  type TestDatabase,
  testServers,
  withDatabase,
  withSession,
} from '../support/servers.js';
import {
  addItem,
  createShop,
  databasesOf,
  failure,
  itemsOf,
  run,
  withTarget,
} from '../support/targets.js';

const baseline = ['rope', 'harness', 'belay device'];

/** Calls `act` once, when the step begins. */
function atStep(name: string, act: () => void): (event: ProgressEvent) => void {
  let done = false;
  return (event) => {
    if (done || event.type !== 'step' || event.name !== name) return;
    done = true;
    act();
  };
}

describe.each(testServers())('what may happen around a swap on $name', (server) => {
  let shop: TestDatabase;
  beforeEach(async () => {
    shop = await createShop(server);
    await on((target) => takeSnapshot(target, { tag: 'baseline' }));
    await addItem(shop.url, 'wip');
  });
  afterEach(async () => {
    vi.useRealTimers();
    await shop.drop();
  });

  const on = <T>(work: (target: Target) => Promise<T>) => withTarget(shop.url, work);
  const admin = (sql: string) => run(server.adminUrl, sql);

  it('refuses when the lock was lost, and leaves everything as it was', async () => {
    const before = await databasesOf(server, shop.name);
    const error = await on((target) => {
      const lose = () => void target.main.query('SELECT pg_advisory_unlock_all()');
      const options = { reference: 'baseline', reporter: atStep('verify', lose) };
      return failure(restoreSnapshot(target, options), 'LOCKED');
    });
    expect(error.hint).toContain('pooler');
    expect(await itemsOf(shop.url)).toEqual([...baseline, 'wip']);
    expect(await databasesOf(server, shop.name)).toEqual(before);
  });

  it('waits for a run that works from another maintenance database', async () => {
    const maintenance = await createTestDatabase(server, { name: 'maintenance' });
    const elsewhere = await openTarget({
      ...{ url: shop.url, env: {}, cwd: tmpdir(), action: 'elsewhere' },
      maintenanceDatabase: maintenance.name,
    });
    try {
      await acquireTargetLock(elsewhere.main, shop.name, { waitMs: 0, reporter: () => {} });
      const error = await on((target) =>
        failure(undoRestore(target, { lockWaitMs: 300 }), 'LOCKED'),
      );
      expect(error.message).toContain('belay elsewhere');
    } finally {
      await elsewhere.close();
      await maintenance.drop();
    }
    await on((target) => restoreSnapshot(target, { reference: 'baseline', lockWaitMs: 5000 }));
  });

  it('ends a session that has come into a snapshot while it was open', async () => {
    const { previous } = await on((target) =>
      restoreSnapshot(target, { reference: 'baseline', cwd: tmpdir() }),
    );
    const database = (previous && cloneOf(previous))?.database ?? '';
    const visitor = new pg.Client({
      connectionString: withDatabase(server.adminUrl, database),
      application_name: 'visitor',
    });
    // A second error follows the first.
    const ended = new Promise((resolve) => visitor.on('error', resolve));
    await admin(`ALTER DATABASE ${database} ALLOW_CONNECTIONS true`);
    await visitor.connect();
    await admin(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`);

    await on((target) => undoRestore(target));

    expect(await ended).toMatchObject({ code: '57P01' });
    expect(await itemsOf(shop.url)).toEqual([...baseline, 'wip']);
  });

  it('keeps a target that was made anew during the copy', async () => {
    const recreate = async () => {
      await admin(`DROP DATABASE ${shop.name} WITH (FORCE)`);
      await admin(`CREATE DATABASE ${shop.name} TEMPLATE template0`);
      await run(shop.url, `CREATE TABLE items (id int, name text)`);
      await run(shop.url, `INSERT INTO items VALUES (1, 'new')`);
    };
    const { previous } = await withSession(server.adminUrl, async (holder) => {
      await holder.query('SELECT pg_advisory_lock(4711)');
      return on((target) =>
        restoreSnapshot(target, {
          reference: 'baseline',
          reporter: atStep('verify', () => {
            // Held up until the other has done its work.
            void target.main.query('SELECT pg_advisory_lock(4711)');
            void recreate().then(() => holder.query('SELECT pg_advisory_unlock(4711)'));
          }),
        }),
      );
    });
    expect(await itemsOf(shop.url)).toEqual(baseline);
    expect(previous?.fingerprint?.rows).toBe(1);
    await on((target) => undoRestore(target));
    expect(await itemsOf(shop.url)).toEqual(['new']);
  });

  it('keeps the timeline in order when the clock is set back', async () => {
    const now = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: now - 3_600_000 });
    await on((target) => takeSnapshot(target, { tag: 'later' }));
    await addItem(shop.url, 'more');
    vi.setSystemTime(now - 7_200_000);
    await on((target) => switchSnapshot(target, { reference: 'baseline', save: 'last' }));

    const { snapshots, current } = await on(listSnapshots);
    expect(snapshots.map(({ tag }) => tag)).toEqual(['last', 'later', 'baseline']);
    expect(current).toMatchObject({ basedOn: { tag: 'baseline' }, undo: { tag: 'last' } });
    await on((target) => undoRestore(target));
    expect(await itemsOf(shop.url)).toEqual([...baseline, 'wip', 'more']);
  });
});
