import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  listSnapshots,
  type SwitchOptions,
  switchSnapshot,
  takeSnapshot,
} from '../../../src/index.js';
import { type TestDatabase, testServers } from '../../support/servers.js';
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

describe.each(testServers())('switchSnapshot on $name', (server) => {
  let shop: TestDatabase;
  beforeEach(async () => {
    shop = await createShop(server);
    await withTarget(shop.url, (target) => takeSnapshot(target, { tag: 'baseline' }));
  });
  afterEach(() => shop.drop());

  const switchTo = (options: SwitchOptions) =>
    withTarget(shop.url, (target) => switchSnapshot(target, options));
  const tags = () =>
    withTarget(shop.url, async (target) =>
      (await listSnapshots(target)).snapshots.map(({ tag }) => tag),
    );

  it('keeps the present state under the tag, and comes back to exactly where it was', async () => {
    await run(shop.url, 'CREATE TABLE drafts (id int); INSERT INTO drafts VALUES (7)');
    const away = await switchTo({ reference: 'baseline', save: 'wip', description: 'half done' });
    expect(away).toMatchObject({
      snapshot: { tag: 'baseline' },
      saved: { tag: 'wip', description: 'half done', reason: 'manual', fingerprint: { rows: 4 } },
      verified: true,
    });
    expect(away.previous).toEqual(away.saved);
    await addItem(shop.url, 'bug fix');
    const back = await switchTo({ reference: 'wip', save: 'fixed' });
    expect(back.saved.tag).toBe('fixed');
    expect(await rowsOf(shop.url, 'SELECT * FROM drafts')).toEqual([{ id: 7 }]);
    expect(await itemsOf(shop.url)).toEqual(['rope', 'harness', 'belay device']);
    expect(await tags()).toEqual(['fixed', 'wip', 'baseline']);
    // The next id is the one that would have been next when the work was put aside.
    await addItem(shop.url, 'next');
    expect(await rowsOf(shop.url, `SELECT id FROM items WHERE name = 'next'`)).toEqual([{ id: 4 }]);
  });

  it('keeps it under an automatic tag where none is given', async () => {
    const { saved } = await switchTo({ reference: 'baseline' });
    expect(saved).toMatchObject({ reason: 'before-restore' });
    expect(saved.tag).toMatch(/^before-restore-/);
  });

  it.each([
    ['a tag in use', { reference: 'baseline', save: 'baseline' }, 'TAG_EXISTS'],
    ['a bad tag', { reference: 'baseline', save: '-x' }, 'BAD_TAG'],
    ['an unknown reference', { reference: 'nothing', save: 'wip' }, 'SNAPSHOT_NOT_FOUND'],
  ] as const)('refuses %s and changes nothing', async (_what, options, code) => {
    const before = await databasesOf(server, shop.name);
    await failure(switchTo(options), code);
    expect(await databasesOf(server, shop.name)).toEqual(before);
    expect(await tags()).toEqual(['baseline']);
  });

  it('refuses where there is no present state to keep', async () => {
    await run(server.adminUrl, `DROP DATABASE "${shop.name}" WITH (FORCE)`);
    await failure(switchTo({ reference: 'baseline' }), 'TARGET_NOT_FOUND');
  });
});
