import { afterEach, describe, expect, it } from 'vitest';
import { confirmChanges, isTooLarge, readLag } from '../../../src/postgres/shadow/replication.js';
import {
  createPair,
  type PairOptions,
  type ReplicatedPair,
  rowsOf,
} from '../../support/replicated-pair.js';
import { testServers } from '../../support/servers.js';

describe.each(testServers())('changes read from a slot on $name', (server) => {
  const pairs: ReplicatedPair[] = [];
  afterEach(async () => {
    for (const pair of pairs.splice(0)) await pair.drop();
  });

  async function pairOf(options: PairOptions): Promise<ReplicatedPair> {
    const pair = await createPair(server, options);
    pairs.push(pair);
    return pair;
  }

  /** Changes that make a difference, and none after a sync. */
  async function expectBroughtOver(pair: ReplicatedPair, sql: string): Promise<void> {
    await pair.run(sql);
    expect((await pair.differences()).length).toBeGreaterThan(0);
    await pair.sync();
    expect(await pair.differences()).toEqual([]);
    expect((await pair.read()).changes.size).toBe(0);
  }

  const items = `CREATE TABLE items (id int PRIMARY KEY, name text);
                 INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 10) n;`;

  it('brings inserts, updates and deletes over', async () => {
    const pair = await pairOf({ sql: items });
    await expectBroughtOver(
      pair,
      `INSERT INTO items VALUES (11, NULL), (12, '');
       UPDATE items SET name = 'new' WHERE id = 3;
       DELETE FROM items WHERE id IN (4, 12)`,
    );
  });

  it('gives the same again until it is confirmed, and never after', async () => {
    const pair = await pairOf({ sql: items });
    await pair.run(`UPDATE items SET name = 'x' WHERE id = 1`);
    const first = await pair.read();
    expect((await pair.read()).changes).toEqual(first.changes);
    const { slot } = pair.replication;
    await confirmChanges(pair.source, slot, first.lsn ?? '');
    await confirmChanges(pair.source, slot, first.lsn ?? '');
    expect((await pair.read()).changes.size).toBe(0);
    // What was confirmed before a crash of the server may come again: the caller knows better.
    await pair.run(`UPDATE items SET name = 'y' WHERE id = 2`);
    const second = await pair.read();
    expect((await pair.read({ afterLsn: second.lsn })).changes.size).toBe(0);
  });

  it('gives the net effect: the last of several changes of a row', async () => {
    const pair = await pairOf({ sql: items });
    const [table] = pair.tables;
    await pair.run(`
      UPDATE items SET name = 'a' WHERE id = 1; UPDATE items SET name = 'b' WHERE id = 1;
      INSERT INTO items VALUES (20, 'in'); UPDATE items SET name = 'in, changed' WHERE id = 20;
      INSERT INTO items VALUES (21, 'in and out'); DELETE FROM items WHERE id = 21;
      DELETE FROM items WHERE id = 2; INSERT INTO items VALUES (2, 'out and in');
      UPDATE items SET id = 30 WHERE id = 3; UPDATE items SET id = 31 WHERE id = 30`);
    const { changes } = await pair.read();
    expect(changes.get(table?.table.oid ?? 0)).toEqual([
      { kind: 'delete', key: ['21'] },
      { kind: 'delete', key: ['30'] },
      { kind: 'upsert', values: ['31', 'item 3'], oldKey: ['3'] },
      { kind: 'upsert', values: ['1', 'b'], oldKey: null },
      { kind: 'upsert', values: ['20', 'in, changed'], oldKey: null },
      { kind: 'upsert', values: ['2', 'out and in'], oldKey: null },
    ]);
    await pair.sync();
    expect(await pair.differences()).toEqual([]);
  });

  it('brings changed keys over: chains, swaps, back again, and reused ones', async () => {
    const pair = await pairOf({ sql: items });
    await expectBroughtOver(
      pair,
      `UPDATE items SET id = 100 WHERE id = 1; UPDATE items SET id = 1 WHERE id = 2; UPDATE items SET id = 2 WHERE id = 100;
       UPDATE items SET id = -3 WHERE id = 3; UPDATE items SET id = 3 WHERE id = -3;
       UPDATE items SET id = 40 WHERE id = 4; INSERT INTO items VALUES (4, 'another'); UPDATE items SET id = 41 WHERE id = 4;
       UPDATE items SET id = id + 1000 WHERE id BETWEEN 5 AND 7;
       DELETE FROM items WHERE id = 8; UPDATE items SET id = 8 WHERE id = 9`,
    );
  });

  it('keeps values that are stored out of line and were not changed', async () => {
    const pair = await pairOf({
      sql: `CREATE TABLE notes (id int PRIMARY KEY, big text, small int);
            ALTER TABLE notes ALTER big SET STORAGE EXTERNAL;
            INSERT INTO notes SELECT n, repeat(n::text, 20000), 0 FROM generate_series(1, 5) n;
            CREATE TABLE whole (LIKE notes INCLUDING ALL);
            ALTER TABLE whole REPLICA IDENTITY FULL;
            INSERT INTO whole SELECT * FROM notes;
            CREATE TABLE long_keys (id text PRIMARY KEY, n int);
            ALTER TABLE long_keys ALTER id SET STORAGE EXTERNAL;
            INSERT INTO long_keys SELECT repeat(n::text, 2400), n FROM generate_series(1, 3) n`,
    });
    const oidOf = (name: string) =>
      pair.tables.find(({ table }) => table.name === `public.${name}`)?.table.oid ?? 0;
    await pair.run(
      'UPDATE notes SET small = 1 WHERE id = 1; UPDATE whole SET small = 1 WHERE id = 1',
    );
    const { changes } = await pair.read();
    const [sent] = changes.get(oidOf('notes')) ?? [];
    expect(sent).toEqual({ kind: 'upsert', values: ['1', undefined, '1'], oldKey: null });
    const [full] = changes.get(oidOf('whole')) ?? [];
    expect(full).toMatchObject({ values: ['1', '1'.repeat(20_000), '1'] });
    await expectBroughtOver(
      pair,
      `UPDATE notes SET small = 2;
       UPDATE notes SET id = 20 WHERE id = 2; UPDATE notes SET small = 3 WHERE id = 20;
       UPDATE notes SET big = repeat('new', 20000) WHERE id = 3; UPDATE notes SET small = 4 WHERE id = 3;
       INSERT INTO notes VALUES (6, repeat('x', 30000), 0); UPDATE notes SET small = 5 WHERE id = 6;
       UPDATE notes SET id = 60 WHERE id = 6;
       UPDATE notes SET id = 99 WHERE id = 4; UPDATE notes SET id = 4 WHERE id = 5; UPDATE notes SET id = 5 WHERE id = 99;
       UPDATE whole SET small = 2; UPDATE whole SET id = 50 WHERE id = 5;
       UPDATE long_keys SET n = 7; UPDATE long_keys SET id = id || 'z' WHERE n = 7 AND id LIKE '3%'`,
    );
  });

  it('empties what was truncated, and keeps what came after', async () => {
    const pair = await pairOf({
      sql: `${items} CREATE TABLE parts (id int PRIMARY KEY, item int REFERENCES items);
            INSERT INTO parts SELECT n, n FROM generate_series(1, 5) n`,
    });
    await pair.run(`
      INSERT INTO items VALUES (11, 'before'); UPDATE items SET name = 'before' WHERE id = 1;
      TRUNCATE items RESTART IDENTITY CASCADE;
      INSERT INTO items VALUES (1, 'after'), (2, 'after')`);
    const { truncated, changes } = await pair.read();
    expect(truncated).toHaveLength(2);
    expect([...changes.values()].flat()).toEqual([
      { kind: 'upsert', values: ['1', 'after'], oldKey: null },
      { kind: 'upsert', values: ['2', 'after'], oldKey: null },
    ]);
    await pair.sync();
    expect(await pair.differences()).toEqual([]);
  });

  it('knows nothing of what was rolled back, also to a savepoint', async () => {
    const pair = await pairOf({ sql: items });
    await pair.run(`BEGIN; UPDATE items SET name = 'never'; ROLLBACK`);
    expect((await pair.read()).changes.size).toBe(0);
    await expectBroughtOver(
      pair,
      `BEGIN;
       UPDATE items SET name = 'kept' WHERE id = 1;
       SAVEPOINT a; UPDATE items SET name = 'lost' WHERE id = 2; DELETE FROM items WHERE id = 1; ROLLBACK TO a;
       SAVEPOINT b; INSERT INTO items VALUES (50, 'kept'); SAVEPOINT c; INSERT INTO items VALUES (51, 'kept'); RELEASE c; RELEASE b;
       DO $$ BEGIN INSERT INTO items VALUES (52, 'lost'); PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END $$;
       COMMIT`,
    );
    expect(await rowsOf(pair.copyUrl, 'SELECT id FROM items WHERE id > 40 ORDER BY id')).toEqual([
      { id: 50 },
      { id: 51 },
    ]);
  });

  it('gives a prepared transaction when it is committed', async () => {
    const pair = await pairOf({ sql: items });
    const gid = `gid_${pair.replication.slot}`;
    await pair.run(
      `BEGIN; UPDATE items SET name = 'two-phase' WHERE id = 1; PREPARE TRANSACTION '${gid}'`,
    );
    await pair.run(`UPDATE items SET name = 'between' WHERE id = 2`);
    expect(await pair.sync()).toBe(1);
    expect(await rowsOf(pair.copyUrl, 'SELECT name FROM items WHERE id < 3 ORDER BY id')).toEqual([
      { name: 'item 1' },
      { name: 'between' },
    ]);
    await pair.run(`COMMIT PREPARED '${gid}'`);
    await pair.sync();
    expect(await pair.differences()).toEqual([]);
  });

  it('reads in several times, and never cuts a transaction in two', async () => {
    const pair = await pairOf({ sql: items });
    await pair.run('INSERT INTO items SELECT n, NULL FROM generate_series(1001, 1500) n');
    for (let n = 1; n <= 20; n += 1)
      await pair.run(`INSERT INTO items VALUES (${2000 + n}, 'one')`);
    const first = await pair.read({ maxChanges: 10 });
    expect(first.isEnd).toBe(false);
    expect([...first.changes.values()][0]).toHaveLength(500);
    expect(await pair.sync({ maxChanges: 10 })).toBeGreaterThan(4);
    expect(await pair.differences()).toEqual([]);
  });

  it('reads up to a position that is given', async () => {
    const pair = await pairOf({ sql: items });
    await pair.run(`UPDATE items SET name = 'early' WHERE id = 1`);
    const { lsn } = await pair.read();
    await pair.run(`UPDATE items SET name = 'late' WHERE id = 2`);
    const found = await pair.read({ uptoLsn: lsn ?? '' });
    expect([...found.changes.values()].flat()).toHaveLength(1);
    expect(found.isEnd).toBe(true);
  });

  it('leaves out transactions that a snapshot saw, and those only', async () => {
    const pair = await pairOf({ sql: items });
    const open = await pair.openWriter();
    await open.query(`BEGIN; UPDATE items SET name = 'at work' WHERE id = 1`);
    await pair.run(
      `BEGIN; SAVEPOINT a; UPDATE items SET name = 'seen' WHERE id = 2; RELEASE a; COMMIT`,
    );
    const [row] = await rowsOf(pair.url, 'SELECT pg_current_snapshot()::text AS since');
    await open.query('COMMIT');
    await pair.run(`UPDATE items SET name = 'later' WHERE id = 3`);
    const { changes, lsn } = await pair.read({ since: row.since });
    expect([...changes.values()].flat()).toEqual([
      { kind: 'upsert', values: ['1', 'at work'], oldKey: null },
      { kind: 'upsert', values: ['3', 'later'], oldKey: null },
    ]);
    // It is as far as a reading of everything: others write on the server meanwhile.
    expect(lsn).not.toBeNull();
  });

  it('sees a commit that is not on disk yet', async () => {
    const pair = await pairOf({ sql: items });
    const writer = await pair.openWriter();
    await writer.query('SET synchronous_commit = off');
    const readInOneLook = async (n: number, inside: boolean) => {
      await writer.query(`UPDATE items SET name = 'asynchronous ${n}' WHERE id = 1`);
      const { changes } = inside ? await readWhileLocked() : await pair.read();
      expect([...changes.values()].flat()).toEqual([
        { kind: 'upsert', values: ['1', `asynchronous ${n}`], oldKey: null },
      ]);
    };
    const readWhileLocked = () =>
      pair.source.transaction(async () => {
        await pair.source.execute('LOCK TABLE public.items IN EXCLUSIVE MODE', 'locking');
        return pair.read();
      });
    for (let n = 1; n <= 10; n += 1) await readInOneLook(n, false);
    for (let n = 11; n <= 15; n += 1) await readInOneLook(n, true);
  });

  it('lets the server forget what was brought over, also where nothing concerned the tables', async () => {
    const pair = await pairOf({ sql: `${items} CREATE TABLE others (n int)` });
    const { slot } = pair.replication;
    await pair.run('INSERT INTO others SELECT generate_series(1, 50000)');
    const before = (await readLag(pair.source, slot)) ?? 0;
    expect(before).toBeGreaterThan(1_000_000);
    const { changes, lsn } = await pair.read();
    expect(changes.size).toBe(0);
    await confirmChanges(pair.source, slot, lsn ?? '');
    expect(await readLag(pair.source, slot)).toBeLessThan(before / 10);
    expect(await readLag(pair.source, 'no_such_slot')).toBeNull();
  });

  it('stops when it is told to, and the session can go on', async () => {
    const pair = await pairOf({ sql: items });
    await pair.run('INSERT INTO items SELECT n, NULL FROM generate_series(1001, 3000) n');
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(pair.read({ signal: stop.signal })).rejects.toThrow('enough');
    await pair.sync();
    expect(await pair.differences()).toEqual([]);
  });

  it('gives up a transaction that does not fit into memory, and goes on after a scan', async () => {
    const pair = await pairOf({ sql: items });
    await pair.run('INSERT INTO items SELECT n, NULL FROM generate_series(1001, 3000) n');
    const mostBytes = 100_000;
    const error = await pair.read({ mostBytes }).catch((thrown: unknown) => thrown);
    expect(isTooLarge(error)).toBe(true);
    expect(error).toMatchObject({ code: 'REPLICATION_IN_THE_WAY' });
    const [scan] = await rowsOf(pair.url, 'SELECT pg_current_snapshot()::text AS since');
    await pair.run(`DELETE FROM items WHERE id > 1500`);
    const { changes } = await pair.read({ mostBytes: 1_000_000, since: scan.since });
    expect([...changes.values()].flat()).toHaveLength(1500);
    // Rows that are changed again and again are counted once.
    for (let n = 0; n < 200; n += 1) await pair.run('UPDATE items SET name = name WHERE id < 10');
    await pair.read({ mostBytes: 400_000, since: scan.since });
  });

  it('says that the table has changed', async () => {
    const pair = await pairOf({ sql: items });
    await pair.run(
      `ALTER TABLE items RENAME name TO title; UPDATE items SET title = 'x' WHERE id = 1`,
    );
    await expect(pair.read()).rejects.toMatchObject({ code: 'SCHEMA_CHANGED' });
  });
});
