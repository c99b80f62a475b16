import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type DiffOptions,
  deleteSnapshot,
  diffSnapshots,
  type Target,
  takeSnapshot,
} from '../../../src/index.js';
import { type TestDatabase, testServers } from '../../support/servers.js';
import { createShop, failure, rowsOf, run, withTarget } from '../../support/targets.js';

describe.each(testServers())('diffSnapshots on $name', (server) => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
    await on((target) => takeSnapshot(target, { tag: 'before' }));
    await run(
      shop.url,
      `ALTER TABLE items ADD COLUMN price numeric(8,2); CREATE TABLE orders (id int PRIMARY KEY);
       INSERT INTO orders VALUES (1), (2); DELETE FROM items WHERE name = 'harness';
       INSERT INTO items (name) VALUES ('helmet'), ('shoes')`,
    );
    await on((target) => takeSnapshot(target, { tag: 'after' }));
  });
  afterAll(() => shop.drop());

  const on = <T>(work: (target: Target) => Promise<T>) => withTarget(shop.url, work);
  const diff = (options: DiffOptions) => on((target) => diffSnapshots(target, options));

  it('finds what was added, and how many rows more', async () => {
    const result = await diff({ a: 'before', b: 'after' });
    expect(result).toMatchObject({ identical: false, a: { tag: 'before' }, b: { tag: 'after' } });
    const changes = result.schema.map(({ kind, object, name }) => `${kind} ${object} ${name}`);
    expect(changes).toContain('added column public.items.price');
    expect(changes).toContain('added table public.orders');
    expect(result.rowCounts).toEqual([
      { table: 'public.items', a: 3, b: 4 },
      { table: 'public.orders', a: null, b: 2 },
    ]);
    expect(result.sequences).toMatchObject([
      { name: 'public.items_id_seq', expected: '3', actual: '5' },
    ]);
    expect(result.data).toBeUndefined();
  });

  it('is the other way round from the other side', async () => {
    const { schema, rowCounts } = await diff({ a: 'after', b: 'before' });
    const changes = schema.map(({ kind, object, name }) => `${kind} ${object} ${name}`);
    expect(changes).toContain('removed table public.orders');
    expect(rowCounts[0]).toEqual({ table: 'public.items', a: 4, b: 3 });
  });

  it('finds nothing between a snapshot and itself, nor the unchanged database', async () => {
    expect(await diff({ a: 'after', b: 'latest' })).toMatchObject({ identical: true, schema: [] });
    expect(await diff({ a: 'after', b: 'live' })).toMatchObject({
      ...{ identical: true, schema: [], rowCounts: [] },
      b: { id: null, tag: null, database: shop.name },
    });
    expect(await diff({ a: 'live', b: 'live', data: true })).toMatchObject({
      ...{ identical: true, data: [] },
    });
  });

  it('compares rows, which their number alone does not', async () => {
    await run(shop.url, `UPDATE items SET name = 'rope 60 m' WHERE name = 'rope'`);
    expect((await diff({ a: 'after', b: 'live' })).identical).toBe(true);
    const result = await diff({ a: 'after', b: 'live', data: true });
    expect(result.identical).toBe(false);
    expect(result.data).toMatchObject([
      { table: 'public.items', key: ['id'], added: 0, removed: 0, changed: 1 },
    ]);
    expect(result.data?.[0]?.samples).toMatchObject([
      { kind: 'changed', key: { id: '1' }, before: { name: 'rope' }, after: { name: 'rope 60 m' } },
    ]);
    await run(shop.url, `UPDATE items SET name = 'rope' WHERE name = 'rope 60 m'`);
  });

  it('leaves no session and no open snapshot behind', async () => {
    await diff({ a: 'before', b: 'after', data: true });
    const open = await rowsOf(
      server.adminUrl,
      `SELECT datname FROM pg_database WHERE starts_with(datname, $1) AND datname <> $1 AND datallowconn
       UNION ALL SELECT datname FROM pg_stat_activity WHERE starts_with(datname, $1)`,
      [shop.name],
    );
    expect(open).toEqual([]);
  });

  it('refuses what is not there', async () => {
    await failure(diff({ a: 'before', b: 'nothing' }), 'SNAPSHOT_NOT_FOUND');
    await on((target) => takeSnapshot(target, { tag: 'gone' }));
    await on((target) => deleteSnapshot(target, { reference: 'gone', confirm: () => true }));
    await failure(diff({ a: 'gone', b: 'live' }), 'SNAPSHOT_NOT_FOUND');
  });
});
