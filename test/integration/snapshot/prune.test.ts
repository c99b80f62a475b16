import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  listSnapshots,
  type PruneOptions,
  protectSnapshot,
  pruneSnapshots,
  restoreSnapshot,
  type Target,
  takeSnapshot,
} from '../../../src/index.js';
import { type TestDatabase, testServers } from '../../support/servers.js';
import { createShop, databasesOf, failure, run, withTarget } from '../../support/targets.js';

describe.each(testServers())('pruneSnapshots on $name', (server) => {
  let shop: TestDatabase;
  beforeEach(async () => {
    shop = await createShop(server);
    for (const tag of ['one', 'two', 'three']) {
      await on((target) => takeSnapshot(target, { tag }));
    }
  });
  afterEach(() => shop.drop());

  const on = <T>(work: (target: Target) => Promise<T>) => withTarget(shop.url, work);
  const prune = (options: PruneOptions) =>
    on((target) => pruneSnapshots(target, { confirm: () => true, ...options }));
  const tags = async () => (await on(listSnapshots)).snapshots.map(({ tag }) => tag);
  const tagsOf = (snapshots: readonly { tag: string }[]) => snapshots.map(({ tag }) => tag);

  it('shows first, asks then, and deletes what no rule keeps', async () => {
    const shown = await prune({ keepLast: 1, dryRun: true });
    expect(shown).toMatchObject({ ok: true, dryRun: true });
    // "three" is in use (the database is based on it) and takes no place of the rule.
    expect(tagsOf(shown.kept)).toEqual(['three', 'two']);
    expect(tagsOf(shown.removed)).toEqual(['one']);
    expect(shown.freedBytes).toBeGreaterThan(1e6);
    expect(await tags()).toHaveLength(3);
    const refused = await failure(prune({ keepLast: 1, confirm: undefined }), 'NOT_CONFIRMED');
    expect(refused.message).toContain('"one" would remove 3 rows');
    expect(await tags()).toHaveLength(3);
    const done = await prune({ keepLast: 1 });
    expect(done).toMatchObject({ dryRun: false, removed: [{ tag: 'one' }] });
    expect(await tags()).toEqual(['three', 'two']);
  });

  it('keeps the protected, the base and what undo would bring back', async () => {
    await on((target) => protectSnapshot(target, { reference: 'one' }));
    await on((target) => restoreSnapshot(target, { reference: 'two' }));
    const { kept, removed } = await prune({ keepLast: 0 });
    expect(tagsOf(removed)).toEqual(['three']);
    const why = Object.fromEntries(kept.map((snapshot) => [snapshot.tag, snapshot.why]));
    expect(why).toMatchObject({ one: 'protected', two: `"${shop.name}" is based on it` });
    expect(Object.values(why)).toContain('undo would bring it back');
  });

  it('keeps the newest of a database that is missing', async () => {
    await run(server.adminUrl, `DROP DATABASE "${shop.name}" WITH (FORCE)`);
    const { kept, removed } = await prune({ keepLast: 0 });
    expect(tagsOf(kept)).toEqual(['three']);
    expect(tagsOf(removed)).toEqual(['two', 'one']);
    expect(await databasesOf(server, shop.name)).toHaveLength(1);
  });

  it('keeps what is young', async () => {
    const { removed } = await prune({ keepWithinMs: 60_000 });
    expect(removed).toEqual([]);
    expect(await tags()).toHaveLength(3);
  });

  it('needs a rule', async () => {
    await failure(prune({}), 'USAGE');
    await failure(prune({ keepLast: -1 }), 'USAGE');
    await failure(prune({ keepLast: 1.5 }), 'USAGE');
    expect(await tags()).toHaveLength(3);
  });
});
