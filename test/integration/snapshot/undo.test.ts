import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cloneOf } from '../../../src/domain/snapshot.js';
import {
  deleteSnapshot,
  listSnapshots,
  protectSnapshot,
  renameSnapshot,
  restoreSnapshot,
  switchSnapshot,
  type Target,
  takeSnapshot,
  undoRestore,
} from '../../../src/index.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  testServers,
} from '../../support/servers.js';
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

const baseline = ['rope', 'harness', 'belay device'];
const wip = [...baseline, 'wip'];

describe.each(testServers())('undoRestore on $name', (server) => {
  let shop: TestDatabase;
  beforeEach(async () => {
    shop = await createShop(server);
    await on((target) => takeSnapshot(target, { tag: 'baseline' }));
    await addItem(shop.url, 'wip');
  });
  afterEach(() => shop.drop());

  const on = <T>(work: (target: Target) => Promise<T>) => withTarget(shop.url, work);
  const undo = () => on((target) => undoRestore(target));
  const list = () => on((target) => listSnapshots(target));
  const tags = async () => (await list()).snapshots.map(({ tag }) => tag);
  const oid = async () =>
    (
      await rowsOf(server.adminUrl, 'SELECT oid FROM pg_database WHERE datname = $1', [shop.name])
    )[0].oid;

  it('takes a restore back by renaming, and can be undone as often as one likes', async () => {
    const oidBefore = await oid();
    await on((target) => restoreSnapshot(target, { reference: 'baseline' }));
    expect(await itemsOf(shop.url)).toEqual(baseline);
    await addItem(shop.url, 'later');
    const undone = await undo();
    expect(undone).toMatchObject({
      ok: true,
      database: shop.name,
      verified: true,
      snapshot: { reason: 'before-restore' },
      previous: { reason: 'before-restore', fingerprint: { rows: 4 } },
    });
    expect(undone.previous?.description).toContain('undone');
    expect(await itemsOf(shop.url)).toEqual(wip);
    // The very same database: nothing was copied.
    expect(await oid()).toBe(oidBefore);
    const redone = await undo();
    expect(await itemsOf(shop.url)).toEqual([...baseline, 'later']);
    expect(redone.previous?.fingerprint?.rows).toBe(4);
    await undo();
    expect(await itemsOf(shop.url)).toEqual(wip);
    expect(await tags()).toHaveLength(2);
  });

  it('is based again on what it was based on before', async () => {
    const before = (await list()).current.basedOn;
    await on((target) => restoreSnapshot(target, { reference: 'baseline' }));
    await undo();
    const { current } = await list();
    expect(current.basedOn).toEqual(before);
    expect(current.undo?.tag).toMatch(/^before-restore/);
  });

  it('leaves a state that the user tagged on the timeline', async () => {
    await on((target) => switchSnapshot(target, { reference: 'baseline', save: 'mine' }));
    await undo();
    expect(await itemsOf(shop.url)).toEqual(wip);
    expect(await tags()).toContain('mine');
    expect((await list()).current.basedOn?.tag).toBe('mine');
    await undo();
    expect(await itemsOf(shop.url)).toEqual(baseline);
    expect(await tags()).toContain('mine');
  });

  it('leaves a kept state that the user renamed on the timeline', async () => {
    await on((target) => restoreSnapshot(target, { reference: 'baseline' }));
    const renamed = await on((target) =>
      renameSnapshot(target, { reference: 'latest', tag: 'keep-this' }),
    );
    expect(renamed.snapshot.reason).toBe('manual');
    await undo();
    expect(await itemsOf(shop.url)).toEqual(wip);
    expect(await tags()).toContain('keep-this');
  });

  it('leaves a kept state that the user protected on the timeline', async () => {
    const { previous } = await on((target) => restoreSnapshot(target, { reference: 'baseline' }));
    await on((target) => protectSnapshot(target, { reference: 'latest' }));
    await undo();
    expect(await itemsOf(shop.url)).toEqual(wip);
    expect(await tags()).toContain(previous?.tag);
    const kept = (await list()).snapshots.find(({ id }) => id === previous?.id);
    expect(kept?.protectedUntil).toMatch(/^9999-/);
  });

  it('steps back only from where it is', async () => {
    await failure(undo(), 'NOTHING_TO_UNDO');
    await on((target) => restoreSnapshot(target, { reference: 'baseline' }));
    await on((target) => deleteSnapshot(target, { reference: 'latest', confirm: () => true }));
    await failure(undo(), 'NOTHING_TO_UNDO');
    await run(server.adminUrl, `DROP DATABASE "${shop.name}" WITH (FORCE)`);
    await failure(undo(), 'NOTHING_TO_UNDO');
  });

  it('refuses a kept state that somebody has changed, and leaves the target alone', async () => {
    await on((target) => restoreSnapshot(target, { reference: 'baseline' }));
    const kept = cloneOf((await list()).snapshots[0] ?? { copies: [] })?.database as string;
    await run(server.adminUrl, `ALTER DATABASE "${kept}" ALLOW_CONNECTIONS true`);
    const url = new URL(shop.url);
    url.pathname = `/${kept}`;
    await run(url.href, 'DELETE FROM items');
    const before = await databasesOf(server, shop.name);
    const error = await failure(undo(), 'FINGERPRINT_MISMATCH');
    expect(error).toMatchObject({ exitCode: 7 });
    expect(error.message).toContain('rows of public.items: 0 instead of 4');
    expect(await itemsOf(shop.url)).toEqual(baseline);
    expect(await databasesOf(server, shop.name)).toEqual(before);
  });

  it('brings back a state that the role may not read, and says that it is not verified', async () => {
    const owner = await createTestRole(server, 'CREATEDB');
    const mine = await createTestDatabase(server, { owner: owner.name });
    const read = () => rowsOf(mine.url, 'SELECT * FROM hidden');
    await withTarget(owner.urlFor(mine.url), async (target) => {
      await takeSnapshot(target, { tag: 'baseline' });
      await run(
        mine.url,
        'CREATE TABLE hidden (a int); INSERT INTO hidden VALUES (1); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY',
      );
      const { previous } = await restoreSnapshot(target, { reference: 'baseline' });
      expect(previous?.fingerprint).toBeNull();
      await expect(read()).rejects.toThrow('does not exist');
      const warnings: string[] = [];
      const undone = await undoRestore(target, {
        reporter: (event) => event.type === 'warning' && warnings.push(event.message),
      });
      expect(undone).toMatchObject({ ok: true, verified: false, verifiedBy: null });
      expect(warnings).toEqual([expect.stringContaining('public.hidden')]);
      expect(await read()).toEqual([{ a: 1 }]);
      // A user's own tag asks for a copy, and nothing unverified is ever copied into place.
      await switchSnapshot(target, { reference: 'baseline', save: 'tagged' });
      await failure(undoRestore(target), 'PERMISSION_DENIED');
    });
    await mine.drop();
    await owner.drop();
  });
});
