import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listSnapshots, readStatus, takeSnapshot } from '../../src/index.js';
import { acquireTargetLock, releaseTargetLock } from '../../src/postgres/target-lock.js';
import { type TestDatabase, testServers } from '../support/servers.js';
import { createShop, failure, withTarget } from '../support/targets.js';

describe.each(testServers())('two runs on one target on $name', (server) => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
  });
  afterAll(() => shop.drop());

  const hold = { waitMs: 0, reporter: () => {} };

  it('at once: one waits for the other, and both are done', async () => {
    const take = (tag: string) => withTarget(shop.url, (target) => takeSnapshot(target, { tag }));
    await Promise.all([take('left'), take('right')]);
    const { snapshots } = await withTarget(shop.url, listSnapshots);
    expect(snapshots.map(({ tag }) => tag).sort()).toEqual(['left', 'right']);
    // One after the other: the second saw what the first had made.
    expect(snapshots[0]?.parent).toBe(snapshots[1]?.id);
  });

  it('says who holds the lock when the wait is over', async () => {
    await withTarget(shop.url, async (holder) => {
      await acquireTargetLock(holder.main, shop.name, hold);
      const notes: string[] = [];
      const reporter = (event: { type: string; message?: string }) => {
        if (event.type === 'note') notes.push(event.message ?? '');
      };
      const error = await withTarget(shop.url, (target) =>
        failure(takeSnapshot(target, { tag: 'late', lockWaitMs: 900, reporter }), 'LOCKED'),
      );
      expect(error).toMatchObject({ exitCode: 5 });
      expect(error.message).toContain(`belay test ${process.pid}@`);
      expect(error.message).toContain(`server process ${holder.main.pid}`);
      expect(notes).toEqual([expect.stringContaining('waiting for "belay test')]);
      const status = await withTarget(shop.url, (target) => readStatus(target));
      expect(status.lockedBy).toContain(`server process ${holder.main.pid}`);
    });
  });

  it('is free again when the holder has let go, and when its connection has gone', async () => {
    await withTarget(shop.url, async (holder) => {
      await acquireTargetLock(holder.main, shop.name, hold);
      await releaseTargetLock(holder.main, shop.name);
      await withTarget(shop.url, (target) => acquireTargetLock(target.main, shop.name, hold));
      await acquireTargetLock(holder.main, shop.name, hold);
    });
  });

  it('does not stop the work on another target', async () => {
    const other = await createShop(server);
    await withTarget(shop.url, async (holder) => {
      await acquireTargetLock(holder.main, shop.name, hold);
      await withTarget(other.url, (target) => takeSnapshot(target, { tag: 'x', lockWaitMs: 0 }));
    });
    await other.drop();
  });
});
