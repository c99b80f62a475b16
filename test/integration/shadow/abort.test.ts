import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { abortShadow } from '../../../src/features/shadow/abort.js';
import { createShadow } from '../../../src/features/shadow/create.js';
import { examineTarget, repairTarget } from '../../../src/index.js';
import {
  type TestDatabase,
  testServers,
  withDatabase,
  withSession,
} from '../../support/servers.js';
import { recordOf, tracesOf } from '../../support/shadow-facts.js';
import { createShop, failure, itemsOf, run, withTarget } from '../../support/targets.js';
import { testHome } from '../../support/test-home.js';

describe.each(testServers())('aborting a shadow on $name', (server) => {
  let shop: TestDatabase;
  let shadow: string;
  beforeEach(async () => {
    shop = await createShop(server);
    shadow = `${shop.name}_shadow`;
  });
  afterEach(() => shop.drop());

  const create = () =>
    withTarget(shop.url, (target) =>
      createShadow(target, { inputs: { stdin: 'ALTER TABLE items ADD note text' } }),
    );
  const abort = (options = {}) => withTarget(shop.url, (target) => abortShadow(target, options));
  const traces = () => tracesOf(server, shop);
  const checkOf = async (name: string) => {
    const env = { PATH: process.env.PATH, BELAY_HOME: testHome() };
    const { checks } = await examineTarget({ url: shop.url, env });
    return checks.find((check) => check.name === name);
  };

  it('removes the database, the slot and the publication, and proves the target unchanged', async () => {
    await create();
    const { id } = await recordOf(server, shadow);
    expect(await abort()).toMatchObject({
      ...{ ok: true, database: shadow, unchanged: true },
      removed: [
        `database "${shadow}"`,
        `slot "belay_shadow_${id}"`,
        `publication "belay_shadow_${id}"`,
      ],
    });
    expect(await traces()).toEqual([]);
    expect(await itemsOf(shop.url)).toEqual(['rope', 'harness', 'belay device']);
    const error = await failure(abort(), 'SHADOW_NOT_FOUND');
    expect(error.exitCode).toBe(4);
    // And another one can be made.
    await create();
  });

  it('says when others have changed the schema of the target since', async () => {
    await create();
    await run(shop.url, 'ALTER TABLE items ADD other int');
    expect(await abort()).toMatchObject({ unchanged: false });
    expect(await traces()).toEqual([]);
  });

  it('of a shadow that was dropped by hand, removes what is left', async () => {
    await create();
    await run(server.adminUrl, `DROP DATABASE "${shadow}"`);
    expect(await traces()).toHaveLength(2);
    const aborted = await abort();
    expect(aborted).toMatchObject({ database: null, unchanged: true });
    expect(aborted.removed.map((what) => what.split(' ')[0])).toEqual(['publication', 'slot']);
    expect(await traces()).toEqual([]);
  });

  it('finds it by its record, and never removes a database that only has the name', async () => {
    await create();
    const renamed = `${shop.name}_renamed`;
    await run(server.adminUrl, `ALTER DATABASE "${shadow}" RENAME TO "${renamed}"`);
    await run(server.adminUrl, `CREATE DATABASE "${shadow}" TEMPLATE template0`);
    try {
      expect(await abort()).toMatchObject({ database: renamed });
      expect(await traces()).toEqual([`database ${shadow}`]);
    } finally {
      await run(server.adminUrl, `DROP DATABASE "${shadow}"`);
    }
  });

  it('waits for a transaction in the shadow, and removes nothing where it does not end', async () => {
    await create();
    const before = await traces();
    await withSession(withDatabase(shop.url, shadow), async (busy) => {
      await busy.query('BEGIN; SELECT count(*) FROM items');
      await failure(abort({ sessionsWaitMs: 200 }), 'SESSIONS_IN_THE_WAY');
      expect(await traces()).toEqual(before);
      expect(await abort({ sessions: 'terminate' })).toMatchObject({ database: shadow });
    });
    expect(await traces()).toEqual([]);
  });

  it('one whose target was replaced since can only be removed', async () => {
    await create();
    await run(
      server.adminUrl,
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '${shop.name}'`,
    );
    await run(server.adminUrl, `DROP DATABASE "${shop.name}" WITH (FORCE)`);
    await run(server.adminUrl, `CREATE DATABASE "${shop.name}" TEMPLATE template0`);
    const error = await failure(create(), 'SHADOW_EXISTS');
    expect(error.message).toContain('stale');
    expect(await abort()).toMatchObject({ database: shadow, unchanged: true });
  });

  it('doctor tells of a slot without a shadow, and repair removes it', async () => {
    await create();
    // Others make databases on the server meanwhile, so there may be something else to tell.
    expect((await checkOf('leftovers'))?.detail).not.toContain('belay_shadow_');
    await run(server.adminUrl, `DROP DATABASE "${shadow}"`);
    const check = await checkOf('leftovers');
    expect(check).toMatchObject({ status: 'warn' });
    expect(check?.detail).toMatch(/slot "belay_shadow_\w{12}" .* keeps WAL/);
    const repaired = await withTarget(shop.url, (target) => repairTarget(target));
    expect(repaired.cleaned.map(({ kind }) => kind).sort()).toEqual(['publication', 'slot']);
    expect(await traces()).toEqual([]);
    expect((await checkOf('leftovers'))?.detail).not.toContain('belay_shadow_');
  });

  it('repair leaves the slot of a shadow that is there', async () => {
    await create();
    const before = await traces();
    const repaired = await withTarget(shop.url, (target) => repairTarget(target));
    expect(repaired.cleaned).toEqual([]);
    expect(await traces()).toEqual(before);
  });
});
