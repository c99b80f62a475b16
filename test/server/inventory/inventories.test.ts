import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { takeSnapshot } from '../../../src/features/snapshot/take.js';
import { openParts, register, resultOf, type ServerParts } from '../../support/server-parts.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { createShop, failure, run, withTarget } from '../../support/targets.js';

describe.each(testServers())('inventories on $name', (server) => {
  let parts: ServerParts;
  let other: ServerParts;
  let shop: TestDatabase;
  let books: TestDatabase;
  beforeAll(async () => {
    parts = await openParts(server);
    other = await openParts(server, { beside: parts });
    shop = await createShop(server);
    books = await createShop(server);
    await register(parts, shop, 'shop');
    await register(parts, books, 'books');
  });
  afterAll(async () => {
    await shop?.drop();
    await books?.drop();
    await other?.close();
    await parts?.close();
  });

  it('knows timeline, size, branches, versions and ledger of a database', async () => {
    expect(parts.inventories.peek('shop')).toBeUndefined();
    const empty = await parts.inventories.read('shop');
    expect(empty).toMatchObject({ database: 'shop', problem: null, snapshots: [], versions: [] });
    expect(empty.sizeBytes).toBeGreaterThan(1_000_000);
    expect(empty.serverVersion).toBeGreaterThan(140_000);
    await resultOf(parts.run('shop', 'snapshot', { tag: 'baseline' }));
    await resultOf(parts.run('shop', 'branch-create', { name: 'invoices', from: 'baseline' }));
    await resultOf(parts.run('shop', 'schema-snapshot', {}));
    const found = await parts.inventories.read('shop');
    expect(found.snapshots.map(({ tag }) => tag)).toContain('baseline');
    expect(found.basedOn).toMatchObject({ tag: 'baseline' });
    expect(found.branches).toMatchObject([{ name: 'invoices', basedOn: 'baseline' }]);
    expect(found.branches[0]?.url).not.toContain('secret');
    expect(found.versions).toHaveLength(1);
    expect(found.ledger.map(({ action }) => action)).toEqual(['branch-create', 'snapshot']);
    expect(parts.inventories.peek('shop')).toBe(found);
    await resultOf(parts.run('shop', 'branch-delete', { name: 'invoices' }));
    expect((await parts.inventories.read('shop')).branches).toEqual([]);
  });

  it('gives what is fresh without looking, and looks once for many', async () => {
    const first = await parts.inventories.read('books');
    const many = await Promise.all(
      Array.from({ length: 50 }, () => parts.inventories.read('books', 60_000)),
    );
    for (const one of many) expect(one).toBe(first);
    parts.inventories.invalidate('books');
    const news = await Promise.all(
      Array.from({ length: 50 }, () => parts.inventories.read('books', 60_000)),
    );
    expect(new Set(news).size).toBe(1);
    expect(news[0]).not.toBe(first);
  });

  it('sees what others have done, in a moment', async () => {
    await parts.inventories.read('books');
    await withTarget(books.url, (target) => takeSnapshot(target, { tag: 'by-hand' }), {
      BELAY_STORE: parts.store,
    });
    await expect
      .poll(async () => (await parts.inventories.read('books')).snapshots.map(({ tag }) => tag), {
        timeout: 30_000,
      })
      .toContain('by-hand');
    const now = await parts.inventories.read('books', 0);
    expect(now.ledger.filter(({ snapshot }) => snapshot?.tag === 'by-hand')).toHaveLength(1);
  });

  it('does not mix up the ledgers of databases that share a store', async () => {
    const { ledger } = await parts.inventories.read('books', 0);
    expect(new Set(ledger.map(({ target }) => target?.database))).toEqual(new Set([books.name]));
  });

  it('keeps what is known where the database is away, and says so', async () => {
    const gone = await createTestDatabase(server, { name: 'gone' });
    await register(parts, gone, 'gone');
    await resultOf(parts.run('gone', 'snapshot', { tag: 'last' }));
    await parts.inventories.read('gone', 0);
    await parts.databases.change('gone', { url: 'postgres://nobody@127.0.0.1:1/gone' });
    const found = await parts.inventories.read('gone', 0);
    expect(found.problem).toMatchObject({ code: 'SERVER_UNREACHABLE' });
    expect(found.snapshots.map(({ tag }) => tag)).toEqual(['last']);
    await gone.drop();
  });

  it('tells other servers, and hands on what an agent has found', async () => {
    await parts.databases.add({ name: 'far', kind: 'agent' });
    const waiting = await parts.inventories.read('far');
    expect(waiting).toMatchObject({ snapshots: [], problem: { code: 'NEEDS_AGENT' } });
    await expect
      .poll(
        () =>
          other.inventories.read('far').then(
            () => true,
            () => false,
          ),
        { timeout: 20_000 },
      )
      .toBe(true);
    const shopNow = await parts.inventories.read('shop', 0);
    await parts.inventories.save({ ...shopNow, database: 'far' });
    expect((await parts.inventories.read('far')).snapshots).toEqual(shopNow.snapshots);
    await expect
      .poll(async () => (await other.inventories.read('far')).snapshots.length, { timeout: 30_000 })
      .toBe(shopNow.snapshots.length);
  });

  it('knows nothing of a database that is not registered, or no longer', async () => {
    await failure(parts.inventories.read('nothing'), 'DATABASE_NOT_REGISTERED');
    await parts.databases.add({ name: 'brief', kind: 'agent' });
    await parts.inventories.read('brief');
    await parts.databases.remove('brief');
    await failure(parts.inventories.read('brief'), 'DATABASE_NOT_REGISTERED');
  });

  it('looks by a job too', async () => {
    const result = await resultOf(parts.run('shop', 'inventory', {}));
    expect(result).toMatchObject({ database: 'shop', problem: null, snapshots: 1, versions: 1 });
  });

  it('survives a database that was dropped', async () => {
    const dropped = await createShop(server);
    await register(parts, dropped, 'dropped');
    await run(server.adminUrl, `DROP DATABASE "${dropped.name}"`);
    const found = await parts.inventories.read('dropped');
    expect(found).toMatchObject({ sizeBytes: null, versions: [] });
  });
});
