import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type DeletionLoss,
  deleteSnapshot,
  listSnapshots,
  protectSnapshot,
  renameSnapshot,
  restoreSnapshot,
  type Target,
  takeSnapshot,
  unprotectSnapshot,
} from '../../../src/index.js';
import { type TestDatabase, testServers } from '../../support/servers.js';
import { createShop, databasesOf, failure, itemsOf, withTarget } from '../../support/targets.js';

describe.each(testServers())('delete, protect and rename on $name', (server) => {
  let shop: TestDatabase;
  beforeEach(async () => {
    shop = await createShop(server);
    await on((target) => takeSnapshot(target, { tag: 'baseline' }));
  });
  afterEach(() => shop.drop());

  const on = <T>(work: (target: Target) => Promise<T>) => withTarget(shop.url, work);
  const remove = (reference: string, confirm?: (loss: DeletionLoss) => boolean) =>
    on((target) => deleteSnapshot(target, { reference, confirm }));
  const tags = async () => (await on(listSnapshots)).snapshots.map(({ tag }) => tag);

  it('deletes only after the loss was named and approved', async () => {
    const before = await databasesOf(server, shop.name);
    const refused = await failure(remove('baseline'), 'NOT_CONFIRMED');
    expect(refused).toMatchObject({ exitCode: 3 });
    expect(refused.message).toContain('3 rows');
    await failure(
      remove('baseline', () => false),
      'NOT_CONFIRMED',
    );
    expect(await databasesOf(server, shop.name)).toEqual(before);
    const losses: DeletionLoss[] = [];
    const result = await remove('baseline', (loss) => losses.push(loss) > 0);
    expect(losses).toMatchObject([{ rows: 3, consequences: [], snapshots: [{ tag: 'baseline' }] }]);
    expect(result).toMatchObject({ ok: true, snapshot: { tag: 'baseline' } });
    expect(result.freedBytes).toBeGreaterThanOrEqual(0);
    expect(await databasesOf(server, shop.name)).toEqual([shop.name]);
    expect(await itemsOf(shop.url)).toHaveLength(3);
  });

  it('says when undo would no longer be possible', async () => {
    await on((target) => restoreSnapshot(target, { reference: 'baseline' }));
    const refused = await failure(remove('latest'), 'NOT_CONFIRMED');
    expect(refused.message).toContain('can then not be undone');
  });

  it('does not delete what is protected, whoever approves', async () => {
    const { snapshot } = await on((target) => protectSnapshot(target, { reference: 'baseline' }));
    expect(snapshot.protectedUntil).toMatch(/^9999-/);
    const error = await failure(
      remove('baseline', () => true),
      'PROTECTED',
    );
    expect(error).toMatchObject({ exitCode: 3 });
    const until = new Date(Date.now() + 60_000);
    await on((target) => protectSnapshot(target, { reference: 'baseline', until }));
    await failure(
      remove('baseline', () => true),
      'PROTECTED',
    );
    const freed = await on((target) => unprotectSnapshot(target, { reference: 'baseline' }));
    expect(freed.snapshot.protectedUntil).toBeNull();
    await remove('baseline', () => true);
    expect(await tags()).toEqual([]);
  });

  it('does not protect until a time that has passed', async () => {
    const until = new Date(Date.now() - 1);
    await failure(
      on((target) => protectSnapshot(target, { reference: 'baseline', until })),
      'BAD_TIME',
    );
  });

  it('renames, and finds the snapshot under the new tag alone', async () => {
    const result = await on((target) =>
      renameSnapshot(target, { reference: 'baseline', tag: 'release/1.0' }),
    );
    expect(result).toMatchObject({ previousTag: 'baseline', snapshot: { tag: 'release/1.0' } });
    expect(await tags()).toEqual(['release/1.0']);
    await failure(
      remove('baseline', () => true),
      'SNAPSHOT_NOT_FOUND',
    );
  });

  it('does not rename to a tag in use or a bad one; to its own is no change', async () => {
    await on((target) => takeSnapshot(target, { tag: 'second' }));
    const rename = (tag: string) =>
      on((target) => renameSnapshot(target, { reference: 'baseline', tag }));
    await failure(rename('second'), 'TAG_EXISTS');
    await failure(rename('a b'), 'BAD_TAG');
    expect((await rename('baseline')).snapshot.tag).toBe('baseline');
    expect(await tags()).toEqual(['second', 'baseline']);
  });
});
