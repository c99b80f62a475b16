import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  listSnapshots,
  pruneSnapshots,
  type RestoreOptions,
  readStatus,
  restoreSnapshot,
  takeSnapshot,
  undoRestore,
} from '../../../src/index.js';
import { type TestDatabase, testServers, withDatabase } from '../../support/servers.js';
import {
  addItem,
  createShop,
  databasesOf,
  failure,
  itemsOf,
  rowsOf,
  run,
  withTarget,
} from '../../support/targets.js';

describe.each(testServers())('restoreSnapshot on $name', (server) => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
    await withTarget(shop.url, (target) => takeSnapshot(target, { tag: 'baseline' }));
  });
  afterAll(() => shop.drop());

  const restore = (options: RestoreOptions) =>
    withTarget(shop.url, (target) => restoreSnapshot(target, options));
  const baseline = ['rope', 'harness', 'belay device'];

  it('brings the state back and keeps what was there', async () => {
    await addItem(shop.url, 'carabiner');
    await run(shop.url, 'ALTER TABLE items ADD COLUMN price numeric');
    const result = await restore({ reference: 'baseline' });
    expect(result).toMatchObject({
      ok: true,
      snapshot: { tag: 'baseline' },
      database: shop.name,
      verified: true,
      previous: {
        reason: 'before-restore',
        description: 'replaced by "baseline"',
        copies: [{ method: 'rename' }],
        fingerprint: { rows: 4 },
      },
    });
    expect(result.previous?.tag).toMatch(/^before-restore-\d{8}-\d{6}$/);
    expect(await itemsOf(shop.url)).toEqual(baseline);
    const columns = await rowsOf(
      shop.url,
      `SELECT attname FROM pg_attribute WHERE attrelid = 'items'::regclass AND attnum > 0`,
    );
    expect(columns.map(({ attname }) => attname)).toEqual(['id', 'name']);
  });

  it('goes on with the sequence where the snapshot had it', async () => {
    await addItem(shop.url, 'after');
    const rows = await rowsOf(shop.url, `SELECT id FROM items WHERE name = 'after'`);
    expect(rows).toEqual([{ id: 4 }]);
  });

  it('is based on the snapshot afterwards, and knows what changed since', async () => {
    const { status, list } = await withTarget(shop.url, async (target) => ({
      status: await readStatus(target),
      list: await listSnapshots(target),
    }));
    expect(status.basedOn?.tag).toBe('baseline');
    expect(status.undo?.tag).toMatch(/^before-restore-/);
    expect(status.changed).toEqual({
      schema: false,
      rowCounts: true,
      tables: [{ table: 'public.items', a: 3, b: 4 }],
    });
    expect(list.current).toMatchObject({ exists: true, basedOn: { tag: 'baseline' } });
  });

  it('can be repeated from the same snapshot, which stays as it was', async () => {
    const shown = () => withTarget(shop.url, (target) => listSnapshots(target));
    const before = (await shown()).snapshots.find(({ tag }) => tag === 'baseline');
    await restore({ reference: 'baseline' });
    await restore({ reference: 'baseline' });
    const after = await shown();
    expect(after.snapshots.find(({ tag }) => tag === 'baseline')).toEqual(before);
    const tags = after.snapshots.map(({ tag }) => tag);
    expect(new Set(tags).size).toBe(tags.length);
    expect(await itemsOf(shop.url)).toEqual(baseline);
  });

  it('notes at the snapshot only what is still there', async () => {
    const restores = async () => {
      const [row] = await rowsOf(
        server.adminUrl,
        `SELECT shobj_description(oid, 'pg_database')::json -> 'restoredAs' AS list FROM pg_database
          WHERE shobj_description(oid, 'pg_database') LIKE '%"tag":"baseline"%' AND starts_with(datname, $1)`,
        [shop.name],
      );
      return row.list.length;
    };
    for (let round = 0; round < 2; round += 1) {
      await restore({ reference: 'baseline' });
      await withTarget(shop.url, (target) =>
        pruneSnapshots(target, { keepLast: 0, confirm: () => true }),
      );
    }
    // The live one, and the one before it that undo would bring back.
    expect(await restores()).toBeLessThanOrEqual(3);
    const { current } = await withTarget(shop.url, listSnapshots);
    expect(current.basedOn?.tag).toBe('baseline');
  });

  it('a database that is read-only by default is no obstacle', async () => {
    await run(
      server.adminUrl,
      `ALTER DATABASE "${shop.name}" SET default_transaction_read_only = on`,
    );
    await withTarget(shop.url, async (target) => {
      await takeSnapshot(target, { tag: 'read-only' });
      await restoreSnapshot(target, { reference: 'read-only' });
    });
    const [row] = await rowsOf(shop.url, 'SHOW default_transaction_read_only');
    expect(row).toEqual({ default_transaction_read_only: 'on' });
    await restore({ reference: 'baseline' });
    expect(await itemsOf(shop.url)).toEqual(baseline);
  });

  it('--to makes another database and touches nothing', async () => {
    await addItem(shop.url, 'untouched');
    const before = await databasesOf(server, shop.name);
    const to = `${shop.name}_to`;
    const result = await restore({ reference: 'baseline', to });
    expect(result).toMatchObject({ database: to, outageMs: 0, previous: null, verified: true });
    expect(await itemsOf(withDatabase(shop.url, to))).toEqual(baseline);
    expect(await itemsOf(shop.url)).toContain('untouched');
    expect(await databasesOf(server, shop.name)).toEqual([...before, to].sort());
    await failure(restore({ reference: 'baseline', to }), 'DATABASE_EXISTS');
    // It belongs to the user now: a target like any other, with a timeline of its own.
    const own = await withTarget(withDatabase(shop.url, to), (target) => listSnapshots(target));
    expect(own).toMatchObject({ snapshots: [], current: { exists: true, undo: null } });
    await run(server.adminUrl, `DROP DATABASE "${to}"`);
  });

  it.each([
    ['an unknown reference', { reference: 'nothing' }, 'SNAPSHOT_NOT_FOUND'],
    ['a name that is too long', { reference: 'baseline', to: 'x'.repeat(64) }, 'BAD_NAME'],
    ['its own name', { reference: 'baseline', to: 'postgres' }, 'DATABASE_EXISTS'],
  ] as const)('refuses %s and changes nothing', async (_what, options, code) => {
    const before = await databasesOf(server, shop.name);
    await failure(restore(options), code);
    expect(await databasesOf(server, shop.name)).toEqual(before);
  });

  it('brings a database back that somebody has dropped', async () => {
    await run(server.adminUrl, `DROP DATABASE "${shop.name}" WITH (FORCE)`);
    const list = await withTarget(shop.url, (target) => listSnapshots(target));
    expect(list.current).toMatchObject({ exists: false, basedOn: null, undo: null });
    const error = await failure(
      withTarget(shop.url, (target) => takeSnapshot(target, { tag: 'x' })),
      'TARGET_NOT_FOUND',
    );
    expect(error.hint).toContain('belay restore');
    const result = await restore({ reference: 'baseline' });
    expect(result).toMatchObject({ previous: null, verified: true });
    expect(await itemsOf(shop.url)).toEqual(baseline);
  });
});

const withLoginTriggers = testServers().filter(({ major }) => major >= 17);
describe.each(withLoginTriggers)('a trigger that notes every login, on $name', (server) => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
  });
  afterAll(() => shop.drop());

  it('does not note those of Belay, so snapshots stay as they are', async () => {
    await run(
      shop.url,
      `CREATE TABLE logins (who text);
     CREATE FUNCTION note_login() RETURNS event_trigger LANGUAGE plpgsql AS
       $$ BEGIN INSERT INTO logins VALUES (current_setting('application_name')); END $$;
     CREATE EVENT TRIGGER note_login ON login EXECUTE FUNCTION note_login();
     ALTER EVENT TRIGGER note_login ENABLE ALWAYS`,
    );
    await withTarget(shop.url, async (target) => {
      await takeSnapshot(target, { tag: 'with-login-trigger' });
      await restoreSnapshot(target, { reference: 'with-login-trigger' });
      await undoRestore(target);
      await readStatus(target);
    });
    const logins = await rowsOf(shop.url, 'SELECT DISTINCT who FROM logins');
    expect(logins).toEqual([{ who: 'belay-test' }]);
  });
});
