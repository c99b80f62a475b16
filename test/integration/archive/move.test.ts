import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  deleteSnapshot,
  listSnapshots,
  openConfiguredStore,
  pullSnapshot,
  pushSnapshot,
  renameSnapshot,
  restoreSnapshot,
  showSnapshot,
  takeSnapshot,
  verifyArchives,
  verifyLedger,
} from '../../../src/index.js';
import {
  archiveFile,
  beside,
  checkpoint,
  keysOf,
  readManifest,
  stateOf,
  storeFolder,
  withStore,
} from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import {
  createTestDatabase,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
} from '../../support/servers.js';
import { createShop, databasesOf, failure, itemsOf, run } from '../../support/targets.js';

const { server } = await findDumpableServer();
const items = ['rope', 'harness', 'belay device'];

/** Mine is the server of the run; a teammate has another of the same version, and a database of the same name. */
describe(`archives between two servers of PostgreSQL ${server.major}`, () => {
  const mine = storeFolder();
  const shared = beside(mine, 'shared');
  const theirs = beside(mine, 'theirs');
  let teammate: ThrowawayServer;
  let shop: TestDatabase;
  let theirShop: TestDatabase;
  beforeAll(async () => {
    [teammate, shop] = await Promise.all([
      startThrowawayServer({ major: server.major }),
      createShop(server),
    ]);
    theirShop = await createTestDatabase(teammate, {
      exactName: shop.name,
      sql: 'CREATE TABLE other (a int)',
    });
    await withStore(shop.url, mine, (target) => takeSnapshot(target, { tag: 'cloned' }));
    await checkpoint(shop.url, mine, { tag: 'baseline' });
  });
  afterAll(async () => {
    await shop.drop();
    await teammate.remove();
  });

  const push = (reference: string) =>
    withStore(shop.url, mine, (target) => pushSnapshot(target, { reference, to: shared }));
  const pull = (reference: string, options: { tag?: string; from?: string } = { from: shared }) =>
    withStore(theirShop.url, theirs, (target) => pullSnapshot(target, { reference, ...options }));

  it('a teammate pulls what was pushed, and restores it on another server', async () => {
    expect(await push('baseline')).toMatchObject({ ok: true, copied: true, store: shared });
    expect(await push('cloned')).toMatchObject({ copied: true });
    const pulled = await pull('baseline');
    expect(pulled).toMatchObject({
      ...{ ok: true, copied: true, store: theirs },
      snapshot: { tag: 'baseline', copies: [{ type: 'archive', drill: { status: 'proven' } }] },
    });
    await withStore(theirShop.url, theirs, async (target) => {
      expect((await listSnapshots(target)).snapshots.map(({ tag }) => tag)).toEqual(['baseline']);
      await restoreSnapshot(target, { reference: 'baseline' });
    });
    expect(await stateOf(theirShop.url)).toEqual(await stateOf(shop.url));
    const kept = await Promise.all(
      [mine, shared, theirs].map((at) => readManifest(at, 'baseline')),
    );
    expect(new Set(kept.map(({ archive }) => archive.sha256)).size).toBe(1);
    expect(new Set(kept.map(({ snapshot }) => snapshot.id)).size).toBe(1);
  });

  it('what is there already is not copied again', async () => {
    const [before, here] = await Promise.all([keysOf(shared), keysOf(theirs)]);
    expect(await push('baseline')).toMatchObject({ ok: true, copied: false });
    expect(await pull('baseline')).toMatchObject({ ok: true, copied: false });
    expect(await keysOf(shared)).toEqual(before);
    expect(await keysOf(theirs)).toEqual(here);
  });

  it('a tag that means another snapshot there is refused, and nothing is copied', async () => {
    const other = beside(mine, 'other');
    await checkpoint(shop.url, other, { tag: 'baseline', drill: false });
    const before = await keysOf(other);
    await failure(
      withStore(shop.url, mine, (target) =>
        pushSnapshot(target, { reference: 'baseline', to: other }),
      ),
      'TAG_EXISTS',
    );
    expect(await keysOf(other)).toEqual(before);
    // A clone has the tag here: the pulled archive must not become a second one.
    await withStore(theirShop.url, theirs, (target) => takeSnapshot(target, { tag: 'cloned' }));
    const here = await keysOf(theirs);
    await failure(pull('cloned'), 'TAG_EXISTS');
    expect(await keysOf(theirs, /manifests|archives/)).toEqual(
      here.filter((key) => /manifests|archives/.test(key)),
    );
    expect(await pull('cloned', { from: shared, tag: 'cloned-of-mine' })).toMatchObject({
      snapshot: { tag: 'cloned-of-mine' },
    });
  });

  it('push and pull of what is not there say so', async () => {
    await failure(push('nothing'), 'SNAPSHOT_NOT_FOUND');
    await failure(pull('nothing'), 'SNAPSHOT_NOT_FOUND');
    await failure(pull('baseline', { from: beside(mine, 'empty') }), 'SNAPSHOT_NOT_FOUND');
  });

  it('an archive that was changed on the way is not taken', async () => {
    const { snapshot } = await checkpoint(shop.url, shared, { tag: 'damaged', drill: false });
    const file = archiveFile(snapshot);
    const bytes = await readFile(file);
    bytes[1000] = (bytes[1000] ?? 0) ^ 4;
    await writeFile(file, bytes);
    const before = await keysOf(theirs, /manifests|archives|runs/);
    await failure(pull('damaged'), 'SEAL_BROKEN');
    expect(await keysOf(theirs, /manifests|archives|runs/)).toEqual(before);
    await withStore(shop.url, shared, (target) =>
      deleteSnapshot(target, { reference: 'damaged', confirm: () => true }),
    );
  });

  it('ledgers and seals of all stores are whole afterwards', async () => {
    for (const store of [mine, shared, theirs]) {
      const ledger = await openConfiguredStore({ store });
      expect(await verifyLedger(ledger), store).toMatchObject({ ok: true, broken: [] });
    }
    const verified = await withStore(theirShop.url, theirs, (target) => verifyArchives(target));
    expect(verified).toMatchObject({ ok: true, checked: 2 });
  });

  describe('in one store', () => {
    const lost = beside(mine, 'lost');
    let database: TestDatabase;
    let successor: TestDatabase;
    beforeAll(async () => {
      database = await createShop(server);
      await checkpoint(database.url, lost, { tag: 'last-night' });
    });
    afterAll(() => database.drop());

    it('a lost server: its archive is restored on a new one by its tag', async () => {
      // The role's new server has no database of that name yet.
      const url = new URL(teammate.adminUrl);
      url.pathname = `/${database.name}`;
      await withStore(url.href, lost, async (target) => {
        await restoreSnapshot(target, { reference: 'last-night' });
        expect((await showSnapshot(target, 'last-night')).target.database).toBe(database.name);
      });
      expect(await itemsOf(url.href)).toEqual(items);
      successor = { ...database, url: url.href };
    });

    it('an archive of another server is not this one’s to rename or delete', async () => {
      await run(teammate.adminUrl, `DROP DATABASE "${database.name}" WITH (FORCE)`);
      for (const name of await databasesOf(teammate, `${database.name}_belay`)) {
        await run(teammate.adminUrl, `DROP DATABASE "${name}"`);
      }
      await createTestDatabase(teammate, { exactName: database.name });
      await withStore(successor.url, lost, async (target) => {
        const reference = 'last-night';
        expect((await listSnapshots(target)).snapshots).toEqual([]);
        const error = await failure(
          deleteSnapshot(target, { reference, confirm: () => true }),
          'SNAPSHOT_NOT_FOUND',
        );
        expect(error.message).toContain(`127.0.0.1:${server.port}`);
        await failure(renameSnapshot(target, { reference, tag: 'mine' }), 'SNAPSHOT_NOT_FOUND');
      });
      expect(await itemsOf(database.url)).toEqual(items);
    });

    it('pull takes it into this one’s timeline', async () => {
      await withStore(successor.url, lost, async (target) => {
        const pulled = await pullSnapshot(target, { reference: 'last-night' });
        expect(pulled).toMatchObject({ copied: true, snapshot: { tag: 'last-night' } });
        expect((await listSnapshots(target)).snapshots).toHaveLength(1);
        // The name means the own one now.
        await deleteSnapshot(target, { reference: 'last-night', confirm: () => true });
        expect((await listSnapshots(target)).snapshots).toEqual([]);
      });
      const { snapshots } = await withStore(database.url, lost, (target) => listSnapshots(target));
      expect(snapshots.map(({ tag }) => tag)).toEqual(['last-night']);
      const ledger = await openConfiguredStore({ store: lost });
      expect(await verifyLedger(ledger)).toMatchObject({ ok: true, broken: [] });
    });

    it('pull takes an archive of a database with another name', async () => {
      await withStore(shop.url, lost, async (target) => {
        await pullSnapshot(target, {
          reference: 'last-night',
          database: database.name,
          tag: 'x/y',
        });
        await restoreSnapshot(target, { reference: 'x/y', to: `${shop.name}_named` });
      });
      expect((await keysOf(join(lost, shop.name), /manifests/)).length).toBe(1);
      await run(server.adminUrl, `DROP DATABASE "${shop.name}_named"`);
    });
  });
});
