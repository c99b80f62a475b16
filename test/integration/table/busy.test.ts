import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cleanTableLeftovers } from '../../../src/features/table/table-leftovers.js';
import type { RestoreTablesOptions } from '../../../src/features/table/table-order.js';
import { openSession } from '../../support/open-session.js';
import { createTestDatabase, type TestDatabase, withSession } from '../../support/servers.js';
import { databasesOf, failure, rowsOf, run, withTarget } from '../../support/targets.js';
import { dumpServers, restore, restoreFrom, schemaOf, snapshot } from './tables.js';

const shop = `
  CREATE TABLE customers (id int PRIMARY KEY);
  CREATE TABLE orders (id serial PRIMARY KEY, customer int REFERENCES customers, note text);
  CREATE INDEX orders_note ON orders (note);
  CREATE TABLE items (id serial PRIMARY KEY, "order" int NOT NULL REFERENCES orders);
  CREATE VIEW open_orders AS SELECT id FROM orders WHERE note = 'good';
  INSERT INTO customers VALUES (1);
  INSERT INTO orders (customer, note) SELECT 1, 'good' FROM generate_series(1, 500);
  INSERT INTO items ("order") SELECT i FROM generate_series(1, 500) i;
`;

describe.each(dumpServers())('replacing a table that is in use on $name', (server) => {
  let db: TestDatabase;
  let before: string[];
  beforeEach(async () => {
    db = await createTestDatabase(server, { name: 'busy', sql: shop });
    before = await schemaOf(db.url);
    await snapshot(db.url);
    await run(db.url, `UPDATE orders SET note = 'bad'`);
  });
  afterEach(() => db.drop());
  const put = (options: Partial<RestoreTablesOptions> = {}) =>
    restore(db.url, { tables: ['public.orders'], ...options });
  const notes = async (): Promise<string[]> =>
    (await rowsOf(db.url, 'SELECT note, count(*)::int FROM orders GROUP BY 1')).map(
      ({ note, count }) => `${count} ${note}`,
    );

  /** Runs statements in a loop on one connection until it is told to stop; gives how often they ran. */
  function keepBusy(work: (client: pg.Client, round: number) => Promise<unknown>) {
    let isOver = false;
    const done = withSession(db.url, async (client) => {
      let round = 0;
      for (; !isOver; round += 1) await work(client, round);
      return round;
    });
    done.catch(() => {
      isOver = true;
    });
    return async () => {
      isOver = true;
      return done;
    };
  }

  it('keeps every write to other tables, and no session of others fails', async () => {
    const stops = [
      keepBusy((client) => client.query('SELECT count(*) FROM open_orders')),
      keepBusy((client, round) =>
        client.query('INSERT INTO items ("order") VALUES ($1)', [1 + (round % 500)]),
      ),
      keepBusy(async (client, round) => {
        await client.query('BEGIN');
        await client.query('SELECT FROM orders WHERE id = $1 FOR SHARE', [1 + (round % 500)]);
        await client.query(`UPDATE orders SET note = note WHERE id = ${1 + (round % 500)}`);
        await client.query('COMMIT');
      }),
    ];
    const result = await put();
    const [reads, writes] = await Promise.all(stops.map((stop) => stop()));
    expect(reads).toBeGreaterThan(5);
    expect(await rowsOf(db.url, 'SELECT count(*)::int FROM items')).toEqual([
      { count: 500 + (writes ?? 0) },
    ]);
    expect(await notes()).toEqual(['500 good']);
    expect(await schemaOf(db.url)).toEqual(before);
    expect(result.tables[0]?.notValid).toEqual([]);
  });

  it('does not hold up readers while it waits, and says who is in the way', {
    timeout: 120_000,
  }, async () => {
    const schema = await schemaOf(db.url);
    let slowestMs = 0;
    await withSession(db.url, async (holder) => {
      await holder.query(`SET application_name = 'report'; BEGIN; SELECT count(*) FROM orders`);
      const stop = keepBusy(async (client) => {
        const startedAt = performance.now();
        await client.query('SELECT FROM orders LIMIT 1');
        slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      });
      const error = await failure(put(), 'LOCK_TIMEOUT');
      await stop();
      expect(error.message).toMatch(
        /public\.orders is in use by server process \d+ .*report.*idle in transaction/,
      );
      await holder.query('COMMIT');
    });
    expect(slowestMs).toBeLessThan(3000);
    expect(await notes()).toEqual(['500 bad']);
    expect(await schemaOf(db.url)).toEqual(schema);
    expect(await rowsOf(db.url, `SELECT FROM pg_namespace WHERE nspname LIKE 'belay%'`)).toEqual(
      [],
    );
  });

  it('gives up its locks before a session of others could be chosen to end a deadlock', async () => {
    const isQueued = `SELECT FROM pg_locks WHERE relation = 'orders'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted`;
    await withSession(db.url, (reader) =>
      withSession(db.url, async (other) => {
        await reader.query('BEGIN; SELECT FROM orders');
        await other.query('BEGIN; SELECT FROM customers');
        const work = put();
        while ((await rowsOf(db.url, isQueued)).length === 0) await sleep(5);
        // It waits behind the one that locks everything, and holds what that wants next.
        const waiting = other.query('SELECT FROM orders');
        waiting.catch(() => {});
        await sleep(200);
        await reader.query('COMMIT');
        await waiting;
        await other.query('COMMIT');
        await work;
      }),
    );
    expect(await notes()).toEqual(['500 good']);
  });

  it('gets past a vacuum, which readers and writers do not wait for either', async () => {
    await withSession(db.url, async (holder) => {
      // What a vacuum holds, and does not give up by itself.
      await holder.query('BEGIN; LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE');
      setTimeout(() => holder.query('COMMIT').catch(() => {}), 3500);
      let slowestMs = 0;
      const stop = keepBusy(async (client) => {
        const startedAt = performance.now();
        await client.query('UPDATE orders SET note = note WHERE id = 1');
        slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      });
      const { outageMs } = await put();
      await stop();
      expect(slowestMs).toBeLessThan(outageMs + 1500);
    });
    expect(await notes()).toEqual(['500 good']);
  });

  it('waits out a transaction that ends in time', async () => {
    await withSession(db.url, async (holder) => {
      await holder.query('BEGIN; SELECT count(*) FROM orders');
      setTimeout(() => holder.query('COMMIT').catch(() => {}), 4000);
      await put();
    });
    expect(await notes()).toEqual(['500 good']);
  });

  const steps = [
    'read the schema of the snapshot',
    'copy the rows',
    'look at what would be lost',
    'build indexes and constraints',
    'swap',
    'validate foreign keys',
  ];

  it.each(steps)('is whole, old or new, when everything is killed at: %s', async (step) => {
    let killed = false;
    const kill = () =>
      withSession(server.adminUrl, (client) =>
        client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name LIKE 'belay%' AND application_name <> 'belay-test' AND datname LIKE $1
               OR application_name LIKE 'belay test%' AND pid = ANY ($2)`,
          [`${db.name}%`, pids],
        ),
      );
    const pids: number[] = [];
    await withTarget(db.url, async (target) => {
      pids.push(target.main.pid);
      const work = restoreFrom(target, {
        tables: ['public.orders'],
        reporter: (event) => {
          if (killed || event.type !== 'step' || event.name !== step) return;
          killed = true;
          setTimeout(() => void kill(), Math.random() * 30);
        },
      });
      await work.catch(() => {});
    });
    expect(killed).toBe(true);
    const [state] = await notes();
    expect(['500 good', '500 bad']).toContain(state);
    expect(await rowsOf(db.url, 'SELECT count(*)::int FROM open_orders')).toEqual([
      { count: state === '500 good' ? 500 : 0 },
    ]);
    // The next one cleans up, and leaves nothing but what was kept.
    await put();
    expect(await notes()).toEqual(['500 good']);
    expect(await schemaOf(db.url)).toEqual(before);
    expect(
      await rowsOf(db.url, `SELECT FROM pg_namespace WHERE nspname LIKE 'belay\\_aside%'`),
    ).toEqual([]);
    expect(await databasesOf(server, `${db.name}_belay`)).toHaveLength(1);
  });

  it.each(steps.slice(0, 5))('leaves nothing when it is interrupted at: %s', async (step) => {
    const controller = new AbortController();
    const work = put({
      signal: controller.signal,
      reporter: (event) => {
        if (event.type === 'step' && event.name === step) setTimeout(() => controller.abort(), 1);
      },
    });
    const error = await work.then(
      () => undefined,
      (thrown) => thrown,
    );
    // The swap may have been quicker.
    if (error || step !== 'swap') expect(error).toMatchObject({ code: 'INTERRUPTED' });
    expect(await notes()).toEqual([error ? '500 bad' : '500 good']);
    expect(await schemaOf(db.url)).toEqual(before);
    expect(
      await rowsOf(db.url, `SELECT FROM pg_namespace WHERE nspname LIKE 'belay\\_aside%'`),
    ).toEqual([]);
    expect(await databasesOf(server, `${db.name}_belay`)).toHaveLength(1);
  });

  it('cleans what an interrupted run left, validates its foreign keys, and keeps what was kept', async () => {
    const record = (kind: string, more: object) =>
      JSON.stringify({ belay: 1, kind, at: '', ...more });
    await put();
    await run(
      db.url,
      `ALTER TABLE items DROP CONSTRAINT items_order_fkey, ADD CONSTRAINT items_order_fkey FOREIGN KEY ("order") REFERENCES orders NOT VALID;
       CREATE SCHEMA belay_aside_a; CREATE TABLE belay_aside_a.orders (a int);
       COMMENT ON SCHEMA belay_aside_a IS '${record('aside', {
         validate: [
           { schema: 'public', table: 'items', name: 'items_order_fkey' },
           { schema: 'public', table: 'gone', name: 'x' },
         ],
       })}';
       CREATE SCHEMA belay_aside_mine; COMMENT ON SCHEMA belay_aside_mine IS 'not of Belay';
       CREATE SCHEMA belay_aside_newer; COMMENT ON SCHEMA belay_aside_newer IS '{"belay":2,"kind":"aside","validate":[]}'`,
    );
    const session = await openSession(db.url);
    const cleaned = await cleanTableLeftovers(session).finally(() => session.close());
    expect(cleaned.map(({ schema }) => schema)).toEqual(['belay_aside_a']);
    expect(await schemaOf(db.url)).toEqual(before);
    const left = await rowsOf(
      db.url,
      `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'belay%' ORDER BY 1`,
    );
    expect(left.map(({ nspname }) => nspname)).toEqual([
      'belay_aside_mine',
      'belay_aside_newer',
      expect.stringMatching(/^belay_kept_/),
    ]);
  });

  it('refuses where a publication would send on what is built aside', async () => {
    await run(db.url, 'CREATE PUBLICATION everything FOR ALL TABLES');
    await run(db.url, `SELECT pg_create_logical_replication_slot('${db.name}', 'pgoutput')`);
    try {
      const error = await failure(put(), 'REPLICATION_IN_THE_WAY');
      expect(error.message).toContain('"everything"');
    } finally {
      await run(db.url, `SELECT pg_drop_replication_slot('${db.name}')`);
    }
  });
});
