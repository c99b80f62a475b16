import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { restoreSnapshot, type Target, takeSnapshot, undoRestore } from '../../src/index.js';
import { type TestDatabase, testServers } from '../support/servers.js';
import { createShop, failure, itemsOf, rowsOf, run, withTarget } from '../support/targets.js';

describe.each(testServers())('logical replication on $name', (server) => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
    await on((target) => takeSnapshot(target, { tag: 'baseline' }));
  });
  afterAll(() => shop.drop());

  const on = <T>(work: (target: Target) => Promise<T>) => withTarget(shop.url, work);
  const restore = () => on((target) => restoreSnapshot(target, { reference: 'baseline' }));

  /** Polls, because workers of replication start when the server finds the time. */
  async function until(sql: string): Promise<void> {
    for (let round = 0; round < 200; round += 1) {
      if ((await rowsOf(server.adminUrl, sql)).length > 0) return;
      await sleep(50);
    }
    throw new Error(`never true: ${sql}`);
  }

  it('a slot forbids replacing the database, but not copying it', async () => {
    const slot = `slot_${shop.name}`;
    await run(shop.url, `SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    await on((target) => takeSnapshot(target, { tag: 'with-slot' }));
    const to = `${shop.name}_to`;
    await on((target) => restoreSnapshot(target, { reference: 'with-slot', to }));
    await run(server.adminUrl, `DROP DATABASE "${to}"`);
    const error = await failure(restore(), 'REPLICATION_IN_THE_WAY');
    expect(error).toMatchObject({ exitCode: 5 });
    expect(error.message).toContain(`slot "${slot}"`);
    expect(error.hint).toContain('pg_drop_replication_slot');
    await run(server.adminUrl, `SELECT pg_drop_replication_slot('${slot}')`);
    await restore();
    await run(shop.url, `SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    await failure(
      on((target) => undoRestore(target)),
      'REPLICATION_IN_THE_WAY',
    );
    await run(server.adminUrl, `SELECT pg_drop_replication_slot('${slot}')`);
  });

  it('a subscription forbids it too', async () => {
    const name = `sub_${shop.name}`;
    await run(
      shop.url,
      `CREATE SUBSCRIPTION ${name} CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p
         WITH (connect = false, enabled = false, slot_name = NONE)`,
    );
    await on((target) => takeSnapshot(target, { tag: 'with-subscription' }));
    const error = await failure(restore(), 'REPLICATION_IN_THE_WAY');
    expect(error.message).toContain(`subscription "${name}"`);
    await run(shop.url, `DROP SUBSCRIPTION ${name}`);
    await restore();
  });

  it('its processes are named where they are in the way', async () => {
    const other = await createShop(server);
    const name = `live_${shop.name}`;
    const source = `host=127.0.0.1 port=${server.port} user=postgres password=${server.password} dbname=${shop.name}`;
    await run(shop.url, `CREATE PUBLICATION p FOR TABLE items`);
    await run(shop.url, `SELECT pg_create_logical_replication_slot('${name}', 'pgoutput')`);
    await run(
      other.url,
      `TRUNCATE items; CREATE SUBSCRIPTION ${name} CONNECTION '${source}' PUBLICATION p WITH (create_slot = false)`,
    );
    try {
      await until(`SELECT 1 FROM pg_replication_slots WHERE slot_name = '${name}' AND active`);
      const sender = await failure(
        on((target) => takeSnapshot(target, { tag: 'x', sessions: 'fail' })),
        'SESSIONS_IN_THE_WAY',
      );
      expect(sender.message).toContain('streaming from a logical slot');
      const worker = await withTarget(other.url, (target) =>
        failure(takeSnapshot(target, { tag: 'x', sessions: 'fail' }), 'SESSIONS_IN_THE_WAY'),
      );
      expect(worker.message).toContain('of a subscription');
      expect(worker.message).not.toContain(server.password);
    } finally {
      await run(other.url, `ALTER SUBSCRIPTION ${name} DISABLE`);
      await run(other.url, `ALTER SUBSCRIPTION ${name} SET (slot_name = NONE)`);
      await run(other.url, `DROP SUBSCRIPTION ${name}`);
      await until(`SELECT 1 FROM pg_replication_slots WHERE slot_name = '${name}' AND NOT active`);
      await run(server.adminUrl, `SELECT pg_drop_replication_slot('${name}')`);
      await other.drop();
    }
    expect(await itemsOf(shop.url)).toHaveLength(3);
  });
});
