import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listSnapshots, showSnapshot, type Target, takeSnapshot } from '../../../src/index.js';
import { type TestDatabase, testServers } from '../../support/servers.js';
import { createShop, failure, withTarget } from '../../support/targets.js';

describe.each(testServers())('listSnapshots and showSnapshot on $name', (server) => {
  let shop: TestDatabase;
  let other: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
    other = await createShop(server);
    for (const tag of ['one', 'two', 'three']) {
      await on((target) => takeSnapshot(target, { tag }));
    }
    await withTarget(other.url, (target) => takeSnapshot(target, { tag: 'one' }));
  });
  afterAll(async () => {
    await shop.drop();
    await other.drop();
  });

  const on = <T>(work: (target: Target) => Promise<T>) => withTarget(shop.url, work);

  it('lists the timeline of this target alone, newest first', async () => {
    const { snapshots, current } = await on(listSnapshots);
    expect(snapshots.map(({ tag }) => tag)).toEqual(['three', 'two', 'one']);
    for (const { target } of snapshots) expect(target.database).toBe(shop.name);
    const times = snapshots.map(({ createdAt }) => createdAt);
    expect([...times].sort().reverse()).toEqual(times);
    expect(current).toMatchObject({ database: shop.name, exists: true, undo: null });
    expect(current.basedOn).toMatchObject({ tag: 'three', since: snapshots[0]?.createdAt });
  });

  it('shows what a reference means', async () => {
    const { snapshots } = await on(listSnapshots);
    const [three, two, one] = snapshots.map(({ id }) => id);
    const shown = async (reference: string) =>
      (await on((target) => showSnapshot(target, reference))).id;
    expect(await shown('latest')).toBe(three);
    expect(await shown('~1')).toBe(two);
    expect(await shown('one')).toBe(one);
    expect(await shown(one as string)).toBe(one);
    expect(await shown((one as string).slice(0, 8))).toBe(one);
    expect(await shown(`@${snapshots[1]?.createdAt}`)).toBe(two);
    expect(await on((target) => showSnapshot(target, 'two'))).toEqual(snapshots[1]);
    await failure(
      on((target) => showSnapshot(target, 'four')),
      'SNAPSHOT_NOT_FOUND',
    );
  });

  it('needs neither the lock nor a session in the target', async () => {
    await withTarget(shop.url, async (holder) => {
      await holder.main.query('SELECT pg_advisory_lock(1, 2)');
      const { snapshots } = await on(listSnapshots);
      expect(snapshots).toHaveLength(3);
    });
  });
});
