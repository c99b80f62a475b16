import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ConfirmDeletion,
  deleteSnapshot,
  diffSnapshots,
  listSnapshots,
  type ProgressEvent,
  protectSnapshot,
  pushSnapshot,
  renameSnapshot,
  restoreSnapshot,
  showSnapshot,
  switchSnapshot,
  type Target,
  takeCheckpoint,
  takeSnapshot,
  undoRestore,
  unprotectSnapshot,
  verifyArchives,
} from '../../../src/index.js';
import {
  beside,
  checkpoint,
  keysOf,
  stateOf,
  storeFolder,
  withStore,
} from '../../support/archives.js';
import { findDumpableServer } from '../../support/dump-tools.js';
import {
  createTestDatabase,
  type TestDatabase,
  testServers,
  withDatabase,
} from '../../support/servers.js';
import {
  addItem,
  createShop,
  databasesOf,
  failure,
  itemsOf,
  rowsOf,
  run,
} from '../../support/targets.js';

const { server } = await findDumpableServer();
const items = ['rope', 'harness', 'belay device'];
const confirm: ConfirmDeletion = () => true;

describe(`snapshots with archives on ${server.name}`, () => {
  const store = storeFolder();
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
  });
  afterAll(() => shop.drop());

  const on = <T>(work: (target: Target) => Promise<T>) => withStore(shop.url, store, work);
  const typesOf = async (reference: string) =>
    (await on((target) => showSnapshot(target, reference))).copies.map(({ type }) => type);

  it('one snapshot has a clone and an archive under one tag', async () => {
    const { snapshot } = await on((target) =>
      takeSnapshot(target, { tag: 'both', archive: { drill: 'counts' } }),
    );
    expect(snapshot.copies).toMatchObject([
      { type: 'clone' },
      { type: 'archive', encrypted: false, drill: { status: 'proven' } },
    ]);
    const { snapshots } = await on((target) => listSnapshots(target));
    expect(snapshots).toEqual([snapshot]);
    expect(await on((target) => showSnapshot(target, snapshot.id))).toEqual(snapshot);
    expect((await on((target) => verifyArchives(target))).ok).toBe(true);
  });

  it('the other copy is made from either: the clone from the archive, the archive from the clone', async () => {
    const before = await stateOf(shop.url);
    await addItem(shop.url, 'later');
    // Somebody drops the clone.
    const [clone] = (await databasesOf(server, shop.name)).filter((name) => name !== shop.name);
    await run(server.adminUrl, `DROP DATABASE "${clone}"`);
    expect(await typesOf('both')).toEqual(['archive']);
    await on((target) => restoreSnapshot(target, { reference: 'both' }));
    expect(await stateOf(shop.url)).toEqual(before);
    expect(await typesOf('both')).toEqual(['clone', 'archive']);
    const { copies } = await on((target) => showSnapshot(target, 'both'));
    expect(copies).toMatchObject([{ method: 'archive' }, {}]);

    await on((target) => takeSnapshot(target, { tag: 'cloned' }));
    expect(await typesOf('cloned')).toEqual(['clone']);
    const pushed = await on((target) =>
      pushSnapshot(target, { reference: 'cloned', drill: 'counts' }),
    );
    expect(pushed).toMatchObject({ ok: true, copied: true, store });
    expect(await typesOf('cloned')).toEqual(['clone', 'archive']);
  });

  it('an archive alone is restored in place, and that is undone', async () => {
    await checkpoint(shop.url, store, { tag: 'archived' });
    expect(await typesOf('archived')).toEqual(['archive']);
    await addItem(shop.url, 'wip');
    const { previous, verified } = await on((target) =>
      restoreSnapshot(target, { reference: 'archived' }),
    );
    expect(verified).toBe(true);
    expect(previous?.fingerprint?.rows).toBe(4);
    expect(await itemsOf(shop.url)).toEqual(items);
    // An identity goes on where it stood, and what was restored was analyzed.
    await addItem(shop.url, 'next');
    expect(await rowsOf(shop.url, 'SELECT max(id) FROM items')).toEqual([{ max: 4 }]);
    expect(
      await rowsOf(shop.url, `SELECT reltuples FROM pg_class WHERE relname = 'items'`),
    ).toEqual([{ reltuples: 3 }]);
    await on((target) => undoRestore(target));
    expect(await itemsOf(shop.url)).toEqual([...items, 'wip']);
    await on((target) => switchSnapshot(target, { reference: 'archived', save: 'saved' }));
    expect(await itemsOf(shop.url)).toEqual(items);
  });

  it('--to leaves the target and the timeline as they are', async () => {
    await checkpoint(shop.url, store, { tag: 'aside', drill: false });
    const before = await databasesOf(server, shop.name);
    const to = `${shop.name}_to`;
    const result = await on((target) => restoreSnapshot(target, { reference: 'aside', to }));
    expect(result).toMatchObject({ database: to, verified: true, previous: null, outageMs: 0 });
    expect(await itemsOf(withDatabase(shop.url, to))).toEqual(items);
    expect(await typesOf('aside')).toEqual(['archive']);
    expect(await databasesOf(server, shop.name)).toEqual([...before, to].sort());
    await failure(
      on((target) => restoreSnapshot(target, { reference: 'aside', to })),
      'DATABASE_EXISTS',
    );
    await run(server.adminUrl, `DROP DATABASE "${to}"`);
  });

  it('comparing one that is only an archive says what it needs', async () => {
    await failure(
      on((target) => diffSnapshots(target, { a: 'aside', b: 'live' })),
      'NEEDS_CLONE',
    );
  });

  it('the tag of one kind of copy is taken for the other', async () => {
    await failure(
      on((target) => takeSnapshot(target, { tag: 'aside' })),
      'TAG_EXISTS',
    );
    await failure(
      on((target) => takeCheckpoint(target, { tag: 'saved' })),
      'TAG_EXISTS',
    );
  });

  it('rename gives both copies the tag', async () => {
    const before = await on((target) => showSnapshot(target, 'both'));
    for (const tag of ['aside', 'saved']) {
      await failure(
        on((target) => renameSnapshot(target, { reference: 'both', tag })),
        'TAG_EXISTS',
      );
    }
    await on((target) => renameSnapshot(target, { reference: 'both', tag: 'team/renamed' }));
    const after = await on((target) => showSnapshot(target, 'team/renamed'));
    expect(after).toEqual({ ...before, tag: 'team/renamed' });
    await failure(
      on((target) => showSnapshot(target, 'both')),
      'SNAPSHOT_NOT_FOUND',
    );
    expect(await on((target) => verifyArchives(target))).toMatchObject({ ok: true });
    // The old tag is free for both.
    await on((target) => takeSnapshot(target, { tag: 'both', archive: true }));
  });

  it('protect and delete mean both copies', async () => {
    const reference = 'team/renamed';
    const before = await on((target) => showSnapshot(target, reference));
    const attempt = () => on((target) => deleteSnapshot(target, { reference, confirm }));
    await on((target) => protectSnapshot(target, { reference }));
    expect((await on((target) => showSnapshot(target, reference))).protectedUntil).toMatch(/^9999/);
    await failure(attempt(), 'PROTECTED');
    await on((target) => unprotectSnapshot(target, { reference }));
    expect(await on((target) => showSnapshot(target, reference))).toEqual(before);
    const refused = await failure(
      on((target) => deleteSnapshot(target, { reference })),
      'NOT_CONFIRMED',
    );
    expect(refused.exitCode).toBe(3);
    expect(await typesOf(reference)).toEqual(['clone', 'archive']);
    await attempt();
    expect(await keysOf(store, new RegExp(before.id))).toEqual([]);
    expect(await keysOf(store, /team~renamed/)).toEqual([]);
    expect(
      (await databasesOf(server, shop.name)).filter((name) => name.includes(before.id)),
    ).toEqual([]);
    expect(await on((target) => verifyArchives(target))).toMatchObject({ ok: true });
  });

  it('an archive alone is protected, too', async () => {
    await on((target) => protectSnapshot(target, { reference: 'aside' }));
    await failure(
      on((target) => deleteSnapshot(target, { reference: 'aside', confirm })),
      'PROTECTED',
    );
    await on((target) => renameSnapshot(target, { reference: 'aside', tag: 'still-protected' }));
    await failure(
      on((target) => deleteSnapshot(target, { reference: 'still-protected', confirm })),
      'PROTECTED',
    );
  });

  it('references mean archives as they mean clones', async () => {
    const { snapshots } = await on((target) => listSnapshots(target));
    const [latest, before] = snapshots;
    const show = (reference: string) => on((target) => showSnapshot(target, reference));
    expect(await show('latest')).toEqual(latest);
    expect(await show('~1')).toEqual(before);
    for (const snapshot of snapshots) {
      expect(await show(snapshot.id.slice(0, 9))).toEqual(snapshot);
      expect(await show(`@${snapshot.createdAt}`)).toEqual(snapshot);
    }
  });
});

const newer = testServers().filter(({ major }) => major > server.major);
describe.each(newer)(`an archive of ${server.name} on $name`, (other) => {
  const store = storeFolder();
  let shop: TestDatabase;
  let there: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
    there = await createTestDatabase(other, { exactName: shop.name });
    await checkpoint(shop.url, store, { tag: 'older' });
  });
  afterAll(async () => {
    await shop.drop();
    await there.drop();
  });

  it('is restored by its tag, and it is said what could not be compared', async () => {
    const warnings: string[] = [];
    const reporter = (event: ProgressEvent) => {
      if (event.type === 'warning') warnings.push(event.message);
    };
    const result = await withStore(there.url, store, (target) =>
      restoreSnapshot(target, { reference: 'older', reporter }),
    );
    expect(result).toMatchObject({ verified: true, database: shop.name });
    expect(await itemsOf(there.url)).toEqual(items);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`PostgreSQL ${server.major}`);
    // From now on it is a clone of this server, with its schema as this version prints it.
    await withStore(there.url, store, async (target) => {
      const { current } = await listSnapshots(target);
      expect(current.basedOn?.tag).toBe('older');
      await addItem(there.url, 'new');
      await restoreSnapshot(target, { reference: 'older' });
    });
    expect(await itemsOf(there.url)).toEqual(items);
  });

  it('has no pg_dump here: a checkpoint says so before anything is written', async () => {
    const empty = beside(store, 'untouched');
    const error = await failure(
      withStore(there.url, empty, (target) => takeCheckpoint(target, { tag: 'x' })),
      'TOOL_MISSING',
    );
    expect(error.message).toBe(
      `pg_dump ${server.major} cannot dump a PostgreSQL ${other.major} server`,
    );
    expect(error.exitCode).toBe(6);
    expect(await keysOf(empty)).toEqual([]);
  });
});
