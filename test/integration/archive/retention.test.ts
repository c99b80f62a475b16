import { truncate, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  deleteSnapshot,
  listSnapshots,
  openConfiguredStore,
  type PruneOptions,
  pruneSnapshots,
  pushSnapshot,
  readLedger,
  renameSnapshot,
  takeSnapshot,
  verifyArchives,
  verifyLedger,
} from '../../../src/index.js';
import {
  archiveFile,
  beside,
  checkpoint,
  forgeManifest,
  keysOf,
  manifestFile,
  storeFolder,
  withStore,
} from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import {
  createTestDatabase,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
} from '../../support/servers.js';
import { createShop, databasesOf, failure, shopSql } from '../../support/targets.js';

const { server } = await findDumpableServer();
const confirm = () => true;

describe(`what is kept of archives, on ${server.name}`, () => {
  const stores = storeFolder();
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
  });
  afterAll(() => shop.drop());

  const prune = (store: string, options: PruneOptions) =>
    withStore(shop.url, store, async (target) => {
      const { removed, kept } = await pruneSnapshots(target, { confirm, ...options });
      return {
        removed: removed.map(({ tag }) => tag),
        kept: kept.map(({ tag }) => tag),
        why: kept.map(({ why }) => why),
      };
    });
  const tagsIn = (store: string) =>
    withStore(shop.url, store, async (target) =>
      (await listSnapshots(target)).snapshots.map(({ tag }) => tag),
    );
  const seal = (store: string, tag: string) => checkpoint(shop.url, store, { tag, drill: false });

  it('prune never takes the newest that is proven, however old it is', async () => {
    const store = beside(stores);
    await checkpoint(shop.url, store, { tag: 'old-proven' });
    await checkpoint(shop.url, store, { tag: 'proven' });
    await seal(store, 'newer');
    await seal(store, 'newest');
    const planned = await prune(store, { keepLast: 0, dryRun: true });
    expect(planned).toEqual({
      removed: ['newest', 'newer', 'old-proven'],
      kept: ['proven'],
      why: ['the newest archive that is proven'],
    });
    expect(await tagsIn(store)).toHaveLength(4);
    expect(await prune(store, { keepLast: 0 })).toEqual(planned);
    expect(await tagsIn(store)).toEqual(['proven']);
    expect(await keysOf(store, /archives\//)).toHaveLength(1);
    const { ok } = await withStore(shop.url, store, (target) => verifyArchives(target));
    expect(ok).toBe(true);
    const { entries } = await readLedger(await openConfiguredStore({ store }));
    expect(entries.at(-1)).toMatchObject({
      ...{ action: 'prune', outcome: 'done', snapshot: null, rows: 9 },
      details: { tags: ['newest', 'newer', 'old-proven'] },
    });
  });

  it('one that is damaged is not the proven one that counts', async () => {
    const store = beside(stores);
    await checkpoint(shop.url, store, { tag: 'good' });
    const { snapshot } = await checkpoint(shop.url, store, { tag: 'cut' });
    await truncate(archiveFile(snapshot), 100);
    expect((await prune(store, { keepLast: 0 })).kept).toEqual(['good']);
  });

  it('the store’s time decides, whatever a manifest claims', async () => {
    const store = beside(stores);
    for (const tag of ['first', 'second', 'third']) await seal(store, tag);
    const at = (hours: number) => new Date(Date.now() - hours * 3_600_000);
    const claims: [string, string, number][] = [
      ['first', '2099-01-01T00:00:00.000Z', 30],
      ['second', '2001-01-01T00:00:00.000Z', 1],
      ['third', '2050-01-01T00:00:00.000Z', 20],
    ];
    for (const [tag, createdAt, hours] of claims) {
      await forgeManifest(store, tag, (manifest) => ({
        ...manifest,
        snapshot: { ...manifest.snapshot, createdAt },
      }));
      await utimes(await manifestFile(store, tag), at(hours), at(hours));
    }
    const within = await prune(store, { keepWithinMs: 24 * 3_600_000, dryRun: true });
    expect(within.removed).toEqual(['first']);
    expect(await prune(store, { keepLast: 1 })).toMatchObject({
      removed: ['third', 'first'],
      kept: ['second'],
    });
    expect(await tagsIn(store)).toEqual(['second']);
  });

  it('locked ones are neither pruned nor deleted nor renamed, and the refusal is in the ledger', async () => {
    const store = beside(stores);
    await checkpoint(shop.url, store, { tag: 'locked', drill: false, lockDays: 2 });
    await seal(store, 'free');
    const before = await keysOf(store, /locked|archives/);
    const pruned = await prune(store, { keepLast: 0 });
    expect(pruned).toMatchObject({ removed: ['free'], kept: ['locked'] });
    await withStore(shop.url, store, async (target) => {
      const options = { reference: 'locked', confirm };
      const error = await failure(deleteSnapshot(target, options), 'PROTECTED');
      expect(error.exitCode).toBe(3);
      expect(error.message).toMatch(/"locked" is locked in the store until \d{4}-/);
      // It would not help.
      expect(error.hint).not.toContain('unprotect');
      await failure(renameSnapshot(target, { reference: 'locked', tag: 'x' }), 'PROTECTED');
    });
    expect(await tagsIn(store)).toEqual(['locked']);
    expect((await keysOf(store, /locked|archives/)).length).toBe(before.length - 1);
    const ledger = await openConfiguredStore({ store });
    const { entries } = await readLedger(ledger);
    expect(entries.slice(-2)).toMatchObject([
      { outcome: 'refused', details: { refused: 'delete', code: 'PROTECTED' } },
      { outcome: 'refused', details: { refused: 'rename', code: 'PROTECTED' } },
    ]);
    expect(await verifyLedger(ledger)).toMatchObject({ ok: true });
  });

  it('a locked archive keeps its clone, too', async () => {
    const store = beside(stores);
    await withStore(shop.url, store, async (target) => {
      await takeSnapshot(target, { tag: 'both', archive: { lockDays: 1 } });
      const before = await databasesOf(server, shop.name);
      await failure(deleteSnapshot(target, { reference: 'both', confirm }), 'PROTECTED');
      const { removed } = await pruneSnapshots(target, { keepLast: 0, confirm });
      expect(removed).toEqual([]);
      expect(await databasesOf(server, shop.name)).toEqual(before);
    });
  });

  it('a lock is not passed on to a store that it was not asked for', async () => {
    const [store, other] = [beside(stores), beside(stores)];
    await checkpoint(shop.url, store, { tag: 'locked', drill: false, lockDays: 2 });
    await withStore(shop.url, store, (target) =>
      pushSnapshot(target, { reference: 'locked', to: other }),
    );
    await withStore(shop.url, other, (target) =>
      deleteSnapshot(target, { reference: 'locked', confirm }),
    );
    expect(await keysOf(other, /manifests|archives/)).toEqual([]);
  });

  it.each([0, -1, 1.5, 40_000])('%s days are no time to lock for', async (lockDays) => {
    const store = beside(stores);
    await failure(checkpoint(shop.url, store, { tag: 'x', lockDays }), 'USAGE');
    expect(await keysOf(store)).toEqual([]);
  });
});

describe('archives of other servers in the same store', () => {
  const store = storeFolder();
  let other: ThrowawayServer;
  let shop: TestDatabase;
  beforeAll(async () => {
    [other, shop] = await Promise.all([
      startThrowawayServer({ major: server.major }),
      createShop(server),
    ]);
    const theirs = await createTestDatabase(other, { exactName: shop.name, sql: shopSql });
    for (const url of [theirs.url, shop.url]) {
      for (const tag of ['one', 'two']) await checkpoint(url, store, { tag, drill: false });
    }
  });
  afterAll(async () => {
    await shop.drop();
    await other.remove();
  });

  it('are not pruned with one’s own', async () => {
    const before = await keysOf(store, /manifests/);
    expect(before).toHaveLength(4);
    const { removed } = await withStore(shop.url, store, (target) =>
      pruneSnapshots(target, { keepLast: 0, confirm }),
    );
    expect(removed.map(({ tag }) => tag)).toEqual(['two', 'one']);
    const left = await keysOf(store, /manifests|archives\//);
    expect(left).toHaveLength(4);
    const url = new URL(shop.url);
    url.port = String(other.port);
    url.password = other.password;
    const snapshots = await withStore(url.href, store, async (target) => {
      expect((await verifyArchives(target)).ok).toBe(true);
      return (await listSnapshots(target)).snapshots;
    });
    expect(snapshots.map(({ tag }) => tag)).toEqual(['two', 'one']);
    expect(await keysOf(join(store, shop.name), /manifests/)).toHaveLength(2);
  });
});
