import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ShadowReplication } from '../../../src/domain/shadow.js';
import { createShadow } from '../../../src/features/shadow/create.js';
import type { CreateShadowOptions } from '../../../src/features/shadow/create-options.js';
import { type SyncShadowOptions, syncShadow } from '../../../src/features/shadow/sync.js';
import {
  createTestDatabase,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
  testServers,
  withDatabase,
} from '../../support/servers.js';
import { recordOf } from '../../support/shadow-facts.js';
import { failure, rowsOf, run, withTarget } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const schema = `
  CREATE TABLE items (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, body text);
  ALTER TABLE items ALTER body SET STORAGE EXTERNAL;
  INSERT INTO items (name, body) SELECT 'n' || i, repeat('x', 10000) FROM generate_series(1, 20) i;
  CREATE TABLE events (at int, what text); INSERT INTO events VALUES (1, 'made');
  CREATE UNLOGGED TABLE cache (k text PRIMARY KEY, v text); INSERT INTO cache VALUES ('a', '1')`;
const changes = `
  UPDATE items SET name = 'changed' WHERE id <= 3; DELETE FROM items WHERE id = 4;
  INSERT INTO items (name, body) VALUES ('new', 'y'); INSERT INTO events VALUES (2, 'changed');
  INSERT INTO cache VALUES ('b', '2'); DELETE FROM cache WHERE k = 'a'`;
const migration = {
  stdin:
    'ALTER TABLE items RENAME name TO title; ALTER TABLE items ADD COLUMN stock int NOT NULL DEFAULT 0',
};

describe.each(testServers())('syncing a shadow on $name', ({ major }) => {
  // A server of its own: rows look new by the transactions that others had open, whoever they are.
  let server: ThrowawayServer;
  beforeAll(async () => {
    server = await startThrowawayServer({ major, settings: { autovacuum: 'off' } });
  });
  afterAll(() => server?.remove());

  let shop: TestDatabase;
  beforeEach(async () => {
    shop = await createTestDatabase(server, { name: 'shop', sql: schema });
  });
  afterEach(() => shop.drop());

  const create = (options: CreateShadowOptions) =>
    withTarget(shop.url, (target) => createShadow(target, { inputs: migration, ...options }));
  const sync = (options: SyncShadowOptions = {}) =>
    withTarget(shop.url, (target) => syncShadow(target, options));
  const shadowUrl = () => withDatabase(shop.url, `${shop.name}_shadow`);
  const inTarget = () =>
    rowsOf(shop.url, 'SELECT id, name, md5(body) AS body FROM items ORDER BY id');
  const inShadow = () =>
    rowsOf(shadowUrl(), 'SELECT id, title AS name, md5(body) AS body FROM items ORDER BY id');

  it.each(['logical', 'scan'] as const)(
    'brings over by %s what was changed, once',
    async (replication) => {
      await create({ replication });
      await run(shop.url, changes);
      const first = await sync();
      expect(first).toMatchObject({
        ...{ ok: true, database: `${shop.name}_shadow`, method: replication, untransformed: [] },
        tables: expect.arrayContaining([
          { table: 'public.items', upserted: 4, deleted: 1 },
          { table: 'public.cache', upserted: 1, deleted: 1 },
          { table: 'public.events', upserted: 2, deleted: 0 },
        ]),
      });
      expect(first.lagBytes === null).toBe(replication === 'scan');
      expect(await inShadow()).toEqual(await inTarget());
      expect(await rowsOf(shadowUrl(), 'SELECT * FROM events ORDER BY at')).toHaveLength(2);
      expect(
        await rowsOf(shadowUrl(), 'SELECT nextval(pg_get_serial_sequence($1, $2))::int AS next', [
          'items',
          'id',
        ]),
      ).toEqual([{ next: 22 }]);
      expect(await sync()).toMatchObject({ rowsBroughtOver: 0, tables: [] });
      const { sync: done } = await recordOf(server, `${shop.name}_shadow`);
      expect(done.count).toBe(2);
    },
  );

  it.each(['logical', 'scan'] as const)(
    'keeps by %s what the migration inserted when the target empties a table',
    async (replication) => {
      await create({
        replication,
        inputs: {
          stdin: `DELETE FROM items WHERE id < 5; INSERT INTO items (id, name) OVERRIDING SYSTEM VALUE VALUES (900, 'seed')`,
        },
      });
      await run(
        shop.url,
        `TRUNCATE items; INSERT INTO items (id, name) OVERRIDING SYSTEM VALUE VALUES (3, 'again')`,
      );
      await sync();
      const rows = await rowsOf(shadowUrl(), 'SELECT id, name FROM items ORDER BY id');
      expect(rows).toEqual([
        { id: 3, name: 'again' },
        { id: 900, name: 'seed' },
      ]);
      expect(await sync({ isVerified: true })).toMatchObject({ rowsBroughtOver: 0 });
    },
  );

  it.each(['logical', 'scan'] as const)(
    'refuses by %s a row with a key that the migration has given to another one',
    async (replication) => {
      const inserts = `INSERT INTO items (name) VALUES ('of the migration')`;
      await create({ replication, inputs: { stdin: inserts } });
      await run(shop.url, `INSERT INTO items (name) VALUES ('of the target')`);
      const refused = await failure(sync(), 'SHADOW_ROW_REFUSED');
      expect(refused.message).toContain('row (id)=(21) of public.items');
      const names = await rowsOf(shadowUrl(), 'SELECT name FROM items WHERE id = 21');
      expect(names).toEqual([{ name: 'of the migration' }]);
    },
  );

  it('scans on request what came by the slot, and when the slot is gone', async () => {
    await create({ replication: 'logical' });
    await run(shop.url, changes);
    await run(shadowUrl(), 'DELETE FROM items WHERE id = 9');
    const verified = await sync({ isVerified: true });
    expect(verified.method).toBe('logical');
    expect(await inShadow()).toEqual(await inTarget());
    const record = await recordOf(server, `${shop.name}_shadow`);
    const { slot } = record.replication as ShadowReplication;
    await run(
      shop.url,
      `SELECT pg_drop_replication_slot('${slot}'); UPDATE items SET name = 'without a slot' WHERE id = 1`,
    );
    const scanned = await sync();
    expect(scanned).toMatchObject({ method: 'scan', lagBytes: null });
    // A table without a key is copied anew where others' transactions make it look new.
    expect(scanned.tables).toContainEqual({ table: 'public.items', upserted: 1, deleted: 0 });
    expect(await inShadow()).toEqual(await inTarget());
  });

  it('tells of rows that lack what the migration did, until a script has done it', async () => {
    await create({
      replication: 'scan',
      inputs: { stdin: 'ALTER TABLE items ADD loud text; UPDATE items SET loud = upper(name)' },
    });
    await run(shop.url, `INSERT INTO items (name) VALUES ('quiet')`);
    expect((await sync()).untransformed).toEqual([{ table: 'public.items', rows: 1 }]);
    const cwd = makeTempFolder({
      'after.sql': 'UPDATE items SET loud = upper(name) WHERE loud IS NULL;',
      'broken.sql': 'UPDATE items SET loud = 1;\nUPDATE nothing SET x = 1;',
    });
    await run(shop.url, `UPDATE items SET name = 'second' WHERE id = 2`);
    const broken = await failure(sync({ afterSync: 'broken.sql', cwd }), 'MIGRATION_FAILED');
    expect(broken.message).toContain('broken.sql');
    expect(
      await rowsOf(shadowUrl(), `SELECT FROM items WHERE name = 'second' OR loud = '1'`),
    ).toHaveLength(0);
    expect((await sync({ afterSync: 'after.sql', cwd })).untransformed).toEqual([]);
    expect(await rowsOf(shadowUrl(), 'SELECT FROM items WHERE loud IS NULL')).toHaveLength(0);
    expect((await sync()).untransformed).toEqual([]);
  });

  it('refuses where there is no shadow, and where the target has another schema now', async () => {
    await failure(sync(), 'SHADOW_NOT_FOUND');
    await create({ replication: 'scan' });
    await run(shop.url, 'ALTER TABLE items ADD COLUMN other int');
    expect((await failure(sync(), 'SCHEMA_CHANGED')).hint).toContain('belay shadow abort');
  });

  it('brings over what is written while it runs, at the latest with the next sync', async () => {
    await create({ replication: 'scan' });
    await run(shop.url, 'CREATE INDEX ON events (at); DROP INDEX events_at_idx');
    let isOver = false;
    const writing = (async () => {
      for (let i = 0; !isOver; i += 1) {
        await run(
          shop.url,
          `BEGIN; INSERT INTO items (name) VALUES ('w${i}'); SAVEPOINT a; UPDATE items SET name = name || '.' WHERE id % 7 = ${i % 7};
           ROLLBACK TO a; UPDATE items SET name = name || '!' WHERE id % 5 = ${i % 5}; DELETE FROM items WHERE id = ${20 + i * 3}; COMMIT`,
        );
      }
    })();
    for (let pass = 0; pass < 4; pass += 1) await sync();
    isOver = true;
    await writing;
    await sync();
    expect(await inShadow()).toEqual(await inTarget());
    expect(await sync()).toMatchObject({ rowsBroughtOver: 0 });
  });
});
